import Model

/// What can be said of a project's messages before there is anyone to send them to.
public enum MessageFindings {
  /// Every finding in the templates of all campaigns, by place:
  /// - errors of the templates themselves;
  /// - subjects with a line break;
  /// - names that could never have a value: a mailbox's var that one of the campaign's mailboxes lacks,
  ///   `unsubscribe_url` where there is no `unsubscribe` or where it cannot be known;
  /// - `unsubscribe` that is no https, http or mailto address;
  /// - as a warning, a bulk campaign that sends e-mail without `unsubscribe`, or with none for one click (RFC 8058).
  public static func check(project: Project) -> [Finding] { check(project: project, engine: TemplateEngine()) }

  /// As `check(project:)`, with an engine that keeps the templates for later.
  public static func check(project: Project, engine: TemplateEngine) -> [Finding] {
    var findings: Set<Finding> = []
    for campaign in project.campaigns {
      let check = CampaignCheck(campaign: campaign, mailboxes: project.mailboxes(of: campaign), engine: engine)
      findings.formUnion(check.findings())
    }
    return findings.sorted { ($0.place, $0.message) < ($1.place, $1.message) }
  }
}

private struct CampaignCheck {
  let campaign: Campaign
  let mailboxes: [Mailbox]
  let engine: TemplateEngine

  /// Where a template stands decides what it can know.
  enum Role { case subject, body, unsubscribe }

  func findings() -> [Finding] {
    var found: [Finding] = []
    for step in campaign.steps {
      for variant in step.variants {
        if let subject = variant.subject {
          found += template(subject, .subject, [.email])
          if subject.source.contains(where: \.isNewline) {
            found.append(.error(subject.place, "a subject is one line; take the line break out of it"))
          }
        }
        if let text = variant.text { found += template(text, .body, step.channel.channels) }
        if let html = variant.html { found += template(html, .body, [.email]) }
      }
    }
    return found + unsubscribe()
  }

  /// - Parameter channels: those that the template is used for; only their mailboxes have to have what it asks for.
  private func template(_ template: Template, _ role: Role, _ channels: [Channel]) -> [Finding] {
    let (needs, findings) = engine.inspect(template)
    guard findings.isEmpty else { return findings }
    let places = engine.places(in: template)
    var found: [Finding] = []
    for name in needs.all {
      let place = places[name] ?? template.place
      if name == "unsubscribe_url" {
        switch role {
        case .subject, .unsubscribe:
          found.append(.error(place, "{{unsubscribe_url}} can stand in text and html only"))
        case .body where needs.required.contains(name) && links.isEmpty:
          found.append(.error(place, "{{unsubscribe_url}} has no value: the campaign has no unsubscribe"))
        case .body: break
        }
      } else if name.hasPrefix(TemplateEngine.mailboxPrefix), needs.required.contains(name) {
        let variable = String(name.dropFirst(TemplateEngine.mailboxPrefix.utf8.count))
        let without = mailboxes.filter {
          channels.contains($0.sender.channel) && ($0.variable(variable)?.isBlank ?? true)
        }
        guard !without.isEmpty else { continue }
        let ids = without.map { "'\($0.id)'" }.joined(separator: ", ")
        found.append(.error(place, "{{\(name)}} has no value for mailbox \(ids); add '\(variable)' to its vars"))
      }
    }
    return found
  }

  private var links: [Template] { [campaign.unsubscribe?.url, campaign.unsubscribe?.mailto].compactMap { $0 } }

  private func unsubscribe() -> [Finding] {
    var found = links.flatMap { template($0, .unsubscribe, [.email]) }
    if let url = campaign.unsubscribe?.url, !isUsable(url, by: UnsubscribeLinks.page) {
      found.append(.error(url.place, "unsubscribe url is no https address of at most 900 characters"))
    }
    if let mailto = campaign.unsubscribe?.mailto, !isUsable(mailto, by: UnsubscribeLinks.mailto) {
      found.append(.error(mailto.place, "unsubscribe mailto is no e-mail address"))
    }
    guard campaign.messageClass == .bulk, campaign.steps.contains(where: { $0.channel != .sms }) else { return found }
    if links.isEmpty {
      found.append(
        .warning(
          campaign.place, "a bulk campaign without unsubscribe; large providers ask for unsubscribe: {url: https://…}"))
    } else if campaign.unsubscribe?.url?.source.lowercased().hasPrefix("http:") ?? true {
      found.append(
        .warning(campaign.place, "unsubscribe has no https url, so mail programs cannot offer one click (RFC 8058)"))
    }
    return found
  }

  /// Whether a template gives something that `read` takes once its variables have values. What begins with a value
  /// cannot be judged before there is one, nor what is malformed.
  private func isUsable(_ template: Template, by read: (String) -> String?) -> Bool {
    guard !template.source.trimmingPrefix(while: \.isWhitespace).hasPrefix("{{") else { return true }
    let needs = engine.inspect(template).needs
    let values = Dictionary(uniqueKeysWithValues: needs.all.map { ($0, "x") })
    guard let text = try? engine.render(template, values, .uri) else { return true }
    return read(text) != nil
  }
}
