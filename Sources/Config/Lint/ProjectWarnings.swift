import Model

// Lint: what is allowed and probably not meant, looked for in a project that was read without errors. What is wrong is
// found where it is read (Load, Keys); what templates say is Messages' to judge.

/// Warnings about a sound project: each says what to do, and none stops anything.
public enum ProjectWarnings {
  /// - Parameter folder: the project's, to look for files that nothing names.
  /// - Returns: sorted by place.
  public static func check(_ project: Project, folder: String) -> [Finding] {
    let findings = Findings()
    UnusedTemplates(project: project, files: ProjectFiles(root: folder), findings: findings).check()
    IdleMailboxes(project: project, findings: findings).check()
    UnreachedSteps(project: project, findings: findings).check()
    ClosedWindows(project: project, findings: findings).check()
    UnsignedMailboxes(project: project, findings: findings).check()
    oldSchemas(ProjectFiles(root: folder), findings)
    return Findings.tidy(findings.all)
  }

  /// Schemas of another version, by which editors would find fault with good keys and let others pass.
  private static func oldSchemas(_ files: ProjectFiles, _ findings: Findings) {
    for kind in SchemaKind.allCases {
      let path = "\(SchemaKind.folder)/\(kind.file)"
      guard files.isFile(path), let source = try? ByteSource(path: files.absolute(path)),
        let bytes = try? source.readAll(limit: 1 << 20), !bytes.elementsEqual(JSONSchema.document(kind).pretty().utf8)
      else { continue }
      findings.warning(
        Place(path),
        "this schema is not this version's, and editors go by it; nightmail schema --out \(SchemaKind.folder) writes it anew"
      )
    }
  }
}

/// Templates in a campaign's folder that no message is made of.
private struct UnusedTemplates {
  let project: Project
  let files: ProjectFiles
  let findings: Findings

  /// Endings by which a file is taken for a template: notes and pictures may lie beside them.
  private static let endings = ["txt", "html", "htm", "mustache"]

  func check() {
    var used: Set<String> = []
    for step in project.campaigns.flatMap(\.steps) {
      used.formUnion(step.attachments)
      for variant in step.variants { used.formUnion(variant.templates.map(\.place.file)) }
    }
    let read = Set(project.inputs.filter { $0.role == .template }.map(\.path))
    for campaign in project.campaigns {
      for path in templates(in: "campaigns/\(campaign.id)", depth: 4) where !used.contains(path) {
        findings.warning(
          Place(path),
          read.contains(path)
            ? "no message is made of this template: every variant of its step has its own; remove it, or a variant's"
            : "no step uses this template; name it in a step's 'text' or 'html', or remove it")
      }
    }
  }

  private func templates(in folder: String, depth: Int) -> [String] {
    files.names(in: folder).flatMap { name -> [String] in
      let path = "\(folder)/\(name)"
      if files.isFolder(path) { return depth > 0 ? templates(in: path, depth: depth - 1) : [] }
      let parts = name.lowercased().split(separator: ".")
      let isTemplate = parts.count > 1 && Self.endings.contains(String(parts[parts.count - 1]))
      return isTemplate && !name.lowercased().hasPrefix("readme") && files.isFile(path) ? [path] : []
    }
  }
}

/// Mailboxes that send nothing, since no campaign that is active sends from them.
private struct IdleMailboxes {
  let project: Project
  let findings: Findings

  func check() {
    var campaigns: [String: [Campaign]] = [:]
    var served: Set<String> = []
    for campaign in project.campaigns {
      for mailbox in project.mailboxes(of: campaign) {
        campaigns[mailbox.id, default: []].append(campaign)
        let channel = mailbox.sender.channel
        let hasWork = campaign.steps.contains { $0.channel.channels.contains(channel) }
        if campaign.status == .active, hasWork { served.insert(mailbox.id) }
      }
    }
    for mailbox in project.mailboxes where !served.contains(mailbox.id) {
      let own = campaigns[mailbox.id] ?? []
      let active = own.filter { $0.status == .active }
      let text =
        if own.isEmpty {
          "no campaign uses mailbox '\(mailbox.id)'; name it in a campaign's 'mailboxes', or remove it"
        } else if active.isEmpty {
          "no active campaign uses mailbox '\(mailbox.id)': "
            + own.map { "'\($0.id)' is \($0.status == .draft ? "a draft" : "paused")" }.joined(separator: ", ")
            + "; it sends nothing until one has 'status: active'"
        } else {
          "mailbox '\(mailbox.id)' is for \(mailbox.sender.channel == .sms ? "text messages" : "e-mail"), and no step of "
            + active.map { "'\($0.id)'" }.joined(separator: ", ") + " goes out so; take it out of the campaign's "
            + "'mailboxes', or change a step's 'channel'"
        }
      findings.warning(mailbox.place, text)
    }
  }
}

/// Steps, and variants, that nobody will ever get.
private struct UnreachedSteps {
  let project: Project
  let findings: Findings

  func check() {
    for campaign in project.campaigns {
      let channels = Set(project.mailboxes(of: campaign).map(\.sender.channel))
      for step in campaign.steps {
        // Of rows that bring their own text no step need be written down: its channel is nobody's wish.
        let isWritten = step.variants.contains { !$0.templates.isEmpty }
        for channel in Channel.allCases
        where isWritten && step.channel.channels.contains(channel) && !channels.contains(channel) {
          let name = channel == .sms ? "SMS" : "e-mail"
          findings.warning(
            step.place,
            "step '\(step.id)' has 'channel: \(step.channel.rawValue)', and no mailbox of the campaign is for \(name): "
              + "nobody gets it by \(name); add one, or write 'channel: \(channel == .sms ? "email" : "sms")'")
        }
        for variant in step.variants where variant.weight == 0 {
          findings.warning(
            step.place,
            "variant '\(variant.id)' of step '\(step.id)' has the weight 0: nobody gets it; give it a weight, or remove it"
          )
        }
      }
      tooLate(campaign)
    }
  }

  /// Steps whose delays add up to more than the time from the campaign's start to its end. The first one too late is
  /// enough.
  private func tooLate(_ campaign: Campaign) {
    guard let start = campaign.start, let end = campaign.end, case .contacts = campaign.audience else { return }
    let zone = project.settings.zone
    var day = project.settings.day(of: start)
    for (i, step) in campaign.steps.enumerated() {
      day = day.adding(step.delay ?? .days(i == 0 ? 0 : 1), holidays: campaign.holidays)
      if project.settings.span(of: day).start >= end {
        findings.warning(
          step.place,
          "step '\(step.id)' is due on \(day) at the earliest, for who begins on the campaign's first day, and the "
            + "campaign ends \(zone.format(end)): nobody gets it; shorten the delays, or move 'end'")
        return
      }
    }
  }
}

/// Mailboxes that do not sign their mail while others of the project do. Where nobody signs, the servers may; where a
/// service puts the message together or signs it, nobody need.
private struct UnsignedMailboxes {
  let project: Project
  let findings: Findings

  func check() {
    let servers = Set(
      project.providers.compactMap { provider -> String? in
        if case .smtp = provider.kind { return provider.id }
        return nil
      })
    let signed = project.mailboxes.filter { !$0.dkim.isEmpty }
    for mailbox in project.mailboxes where mailbox.dkim.isEmpty {
      guard case .email(let sender) = mailbox.sender else { continue }
      let own = servers.intersection(mailbox.providers)
      guard !own.isEmpty else { continue }
      let alike = signed.first { other in
        guard case .email(let address) = other.sender else { return false }
        return address.address.domain == sender.address.domain || !own.isDisjoint(with: other.providers)
      }
      guard let alike else { continue }
      findings.warning(
        mailbox.place,
        "mailbox '\(mailbox.id)' has no 'dkim', and '\(alike.id)' has: mail from \(sender.address.domain) goes out unsigned "
          + "unless the server signs it; nightmail dkim keygen --domain \(sender.address.domain) --selector s1 makes a key"
      )
    }
  }
}
