import Model

/// What in a plan is worth a person's look before it is approved. None of it is an error: the plan holds every limit.
public struct PlanWarning: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    /// A mailbox sends as much as its daily limit or ramp allows.
    case mailboxFull = "mailbox-full"
    /// A template has a line that SMTP does not carry as it stands.
    case longLine = "long-line"
    /// Subjects that most mail programs cut off.
    case longSubject = "long-subject"
    /// A campaign's audience grew or shrank much since the last plan of an earlier day.
    case audience
    /// Much of the plan goes to one domain.
    case domain
  }

  public var kind: Kind
  /// One sentence without a full stop.
  public var message: String
}

/// Finds a plan's warnings: pure, from what is known of it.
public struct PlanWarnings {
  /// RFC 5322 §2.1.1: octets of a line without its CRLF.
  static let longestLine = 998
  /// A domain is named with so many sends and so large a share of the plan.
  static let domainSends = 10
  static let domainShare = 0.2
  /// An audience that changes by less than so many people is not named.
  static let audienceChange = 20

  let header: PlanHeader
  let tally: PlanTally
  /// As the plan knew them.
  let project: Project
  /// Of the last plan of an earlier day.
  let earlier: PlanHeader?

  public static func of(
    _ header: PlanHeader, _ tally: PlanTally, project: Project, earlier: PlanHeader?
  ) -> [PlanWarning] {
    let warnings = PlanWarnings(header: header, tally: tally, project: project, earlier: earlier)
    return warnings.audiences() + warnings.mailboxes() + warnings.subjects() + warnings.lines() + warnings.domains()
  }

  private func mailboxes() -> [PlanWarning] {
    project.mailboxes.flatMap { mailbox in
      tally.days(of: mailbox.id, in: mailbox.zone).compactMap { day, count in
        guard let limit = mailbox.limit(on: day), count >= limit, limit > 0 else { return nil }
        return PlanWarning(
          kind: .mailboxFull,
          message: "mailbox \(mailbox.id) sends all that its limit allows on \(day): "
            + "\(Words.number(count)) of \(Words.number(limit))")
      }
    }
  }

  private func subjects() -> [PlanWarning] {
    var counts: [String: (long: Int, all: Int)] = [:]
    for group in tally.groups {
      let step = [group.kind.campaign, group.kind.step, group.kind.variant].compactMap { $0 }.joined(separator: "/")
      counts[step, default: (0, 0)].long += group.longSubjects
      counts[step, default: (0, 0)].all += group.count
    }
    return counts.filter { $0.value.long > 0 }.sorted { $0.key < $1.key }.map { step, count in
      PlanWarning(
        kind: .longSubject,
        message: "\(step): \(Words.number(count.long)) of \(Words.count(count.all, "subject")) "
          + "\(count.long == 1 ? "has" : "have") more than \(PlanTally.longestSubject) characters, "
          + "which many mail programs cut off")
    }
  }

  private func lines() -> [PlanWarning] {
    let planned = Set(tally.groups.map { [$0.kind.campaign, $0.kind.step, $0.kind.variant ?? ""] })
    var seen: Set<Template> = []
    var found: [PlanWarning] = []
    for campaign in project.campaigns {
      for step in campaign.steps {
        for variant in step.variants where planned.contains([campaign.id, step.id, variant.id]) {
          for template in [variant.text, variant.html].compactMap({ $0 }) where seen.insert(template).inserted {
            if let warning = Self.longLine(template) { found.append(warning) }
          }
        }
      }
    }
    return found
  }

  private static func longLine(_ template: Template) -> PlanWarning? {
    let lines = template.source.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
    guard let number = lines.firstIndex(where: { $0.count > longestLine }) else { return nil }
    // An inline text begins on the key's own line or the next: its lines are told apart by the file alone.
    let place = template.place.line == 1 ? "\(template.place.file):\(number + 1)" : "\(template.place)"
    return PlanWarning(
      kind: .longLine,
      message:
        "\(place): a line of \(Words.number(lines[number].count)) octets; mail carries \(longestLine), and it is "
        + "encoded to fit")
  }

  private func audiences() -> [PlanWarning] {
    guard let earlier else { return [] }
    return header.campaigns.sorted { $0.key < $1.key }.compactMap { id, totals in
      guard let before = earlier.campaigns[id]?.audience else {
        guard totals.planned > 0 else { return nil }
        return PlanWarning(
          kind: .audience,
          message: "campaign \(id) is new since the plan for \(earlier.date): \(Words.count(totals.planned, "send"))")
      }
      let now = totals.audience
      guard abs(now - before) >= Self.audienceChange, now * 2 > before * 3 || now * 2 < before else { return nil }
      return PlanWarning(
        kind: .audience,
        message: "campaign \(id): its audience \(now > before ? "grew" : "shrank") from \(Words.number(before)) to "
          + "\(Words.number(now)) since the plan for \(earlier.date)")
    }
  }

  private func domains() -> [PlanWarning] {
    let except = project.settings.domainCap?.except ?? []
    let mails = tally.domains.values.reduce(0, +)
    let many = tally.domains.filter {
      $0.value >= Self.domainSends && Double($0.value) >= Self.domainShare * Double(mails) && !except.contains($0.key)
    }
    return many.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { domain, count in
      PlanWarning(
        kind: .domain,
        message: "\(Words.count(count, "send")) to \(domain), \(count * 100 / mails)% of the plan's e-mails")
    }
  }
}

extension PlanTotals {
  /// Everybody whom the campaign knows: due, waiting, held, or through.
  var audience: Int { due + waiting + ended + held.values.reduce(0, +) }
}
