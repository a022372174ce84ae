import Model

/// Windows that leave a mailbox no time for a campaign: what both allow is empty in every week of a year, on whatever
/// clock a contact lives.
struct ClosedWindows {
  let project: Project
  let findings: Findings

  /// What decides whether there is a common time.
  private struct Pair: Hashable {
    var campaign: Window
    var mailbox: Window
    var zone: Zone
  }

  func check() {
    var known: [Pair: Bool] = [:]
    for campaign in project.campaigns where campaign.window.rules != nil {
      let mailboxes = project.mailboxes(of: campaign)
      var closed: [Mailbox] = []
      for mailbox in mailboxes where mailbox.window.rules != nil {
        let pair = Pair(campaign: campaign.window, mailbox: mailbox.window, zone: mailbox.zone)
        let isClosed = known[pair] ?? !hasTime(pair)
        known[pair] = isClosed
        if isClosed { closed.append(mailbox) }
      }
      for mailbox in closed {
        let what = "the window of campaign '\(campaign.id)' is never open while that of mailbox '\(mailbox.id)' is"
        findings.warning(
          campaign.place,
          closed.count == mailboxes.count
            ? "\(what), and it has no other mailbox: it sends nothing; change a 'window'"
            : "\(what): it sends nothing from there; change a 'window', or take the mailbox out of 'mailboxes'")
      }
    }
  }

  /// Whether both are open at any instant: week by week, so that the usual case ends in the first.
  private func hasTime(_ pair: Pair) -> Bool {
    let zones = clocks(pair)
    // A year with both changes of clocks; any would do.
    guard let first = CalendarDay(year: 2026, month: 1, day: 5) else { return true }
    for week in 0..<53 {
      let span = Interval(
        project.settings.zone.instant(first + 7 * week, second: 0),
        project.settings.zone.instant(first + 7 * (week + 1), second: 0))
      for contact in zones {
        let clocks = Window.Clocks(contact: contact, mailbox: pair.zone, project: project.settings.zone)
        let ours = pair.campaign.open(within: span, clocks: clocks, holidays: [])
        if !ours.intersection(pair.mailbox.open(within: span, clocks: clocks, holidays: [])).isEmpty { return true }
      }
    }
    return false
  }

  /// The zones that a contact may live in: the project's, and those of the contacts that there are. Message rows know
  /// none but their contacts'.
  private func clocks(_ pair: Pair) -> [Zone] {
    let rules = (pair.campaign.rules ?? []) + (pair.mailbox.rules ?? [])
    guard rules.contains(where: { $0.clock == .contact }) else { return [project.settings.zone] }
    return [project.settings.zone] + project.contacts.zones
  }
}
