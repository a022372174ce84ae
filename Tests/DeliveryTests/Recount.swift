import Model

@testable import Delivery

/// Every limit counted anew, from all sends and by the text of local times: slow, and written apart from `LimitBook`.
struct Recount {
  let rules: DeliveryRules
  /// Who a record is of.
  var person: (SendRecord) -> String = { $0.contact }

  private func day(_ at: Instant) -> CalendarDay {
    let near = rules.settings.zone.day(of: at)
    return [near - 1, near, near + 1].first { rules.settings.span(of: $0).contains(at) } ?? near
  }

  private func at(_ record: SendRecord) -> Instant { record.attemptAt ?? record.at }

  private func isBulk(_ record: SendRecord) -> Bool {
    let campaign = rules.campaigns.values.first { $0.id == record.campaign || $0.was.contains(record.campaign) }
    return campaign?.messageClass != .transactional
  }

  private func domain(_ record: SendRecord) -> String {
    String(record.to[record.to.index(after: record.to.lastIndex(of: "@") ?? record.to.startIndex)...]).lowercased()
  }

  private func isNew(_ record: SendRecord, _ campaign: Campaign) -> Bool {
    guard ([campaign.id] + campaign.was).contains(record.campaign) else { return false }
    return !record.key.isEmpty || record.step == campaign.steps[0].id || campaign.steps[0].was.contains(record.step)
  }

  /// The first of the day's caps that leaves no place for one more.
  func cap(_ new: SendRecord, among others: [SendRecord]) -> ReleaseReason? {
    let today = day(at(new))
    let same = others.filter { day(at($0)) == today }
    if isBulk(new) {
      let own = others.filter { isBulk($0) && person($0) == person(new) }
      let week = own.filter { day(at($0)) <= today && day(at($0)) > today - 7 }
      if let most = rules.settings.contactCapPerDay, own.filter({ day(at($0)) == today }).count >= most {
        return .contactCap
      }
      if let most = rules.settings.contactCapPerWeek, week.count >= most { return .contactCap }
      if let cap = rules.settings.domainCap, new.channel == .email, !cap.except.contains(domain(new)),
        same.filter({ isBulk($0) && $0.channel == .email && domain($0) == domain(new) }).count >= cap.perDay
      {
        return .domainCap
      }
    }
    if let campaign = rules.campaigns[new.campaign], let most = campaign.dailyNewLimit, isNew(new, campaign),
      same.filter({ isNew($0, campaign) }).count >= most
    {
      return .newLimit
    }
    return nil
  }

  /// Whether the mailbox's limits leave room for one more at an instant.
  func hasRoom(_ id: String, at new: Instant, among others: [SendRecord]) -> Bool {
    guard let mailbox = rules.mailboxes[id] else { return true }
    let times = others.filter { $0.mailbox == id }.map(at)
    func shows(_ at: Instant, _ characters: Int) -> String { String(mailbox.zone.format(at).prefix(characters)) }
    func alike(_ characters: Int) -> Int {
      let own = shows(new, characters)
      // No clock shows the same hour or day three days later.
      return times.filter { abs(($0 - new).milliseconds) < 259_200_000 && shows($0, characters) == own }.count
    }
    if let most = mailbox.limit(on: mailbox.zone.day(of: new)), alike("2026-11-20".utf8.count) >= most { return false }
    if let most = mailbox.hourlyLimit, alike("2026-11-20T09".utf8.count) >= most { return false }
    guard let most = mailbox.rollingLimit else { return true }
    let all = times + [new]
    return all.allSatisfy { start in
      let end = start + .days(1)
      return new < start || new >= end || all.filter { $0 >= start && $0 < end }.count <= most
    }
  }
}
