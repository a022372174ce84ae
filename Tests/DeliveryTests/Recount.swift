import Model

@testable import Delivery

/// Every limit counted anew, from all sends and by the text of local times: slow, and written apart from `LimitBook`.
struct Recount {
  let rules: DeliveryRules
  /// Who a record is of.
  let person: (SendRecord) -> String
  private let texts = Texts()

  init(rules: DeliveryRules, person: @escaping (SendRecord) -> String = { $0.contact }) {
    self.rules = rules
    self.person = person
  }

  /// Local times that were asked for before: the same are asked for many times over.
  private final class Texts {
    private var known: [String: [Instant: String]] = [:]
    var days: [Instant: CalendarDay] = [:]

    func text(_ at: Instant, _ zone: Zone) -> String {
      if let text = known[zone.identifier]?[at] { return text }
      let text = zone.format(at)
      known[zone.identifier, default: [:]][at] = text
      return text
    }
  }

  private func day(_ at: Instant) -> CalendarDay {
    if let day = texts.days[at] { return day }
    let near = rules.settings.zone.day(of: at)
    let day = [near, near - 1, near + 1].first { rules.settings.span(of: $0).contains(at) } ?? near
    texts.days[at] = day
    return day
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
    let own = texts.text(new, mailbox.zone)
    // No clock shows the same hour or day three days later.
    let near = times.filter { abs(($0 - new).milliseconds) < 259_200_000 }
    func alike(_ characters: Int) -> Int {
      near.filter { texts.text($0, mailbox.zone).utf8.prefix(characters).elementsEqual(own.utf8.prefix(characters)) }
        .count
    }
    if let most = mailbox.limit(on: mailbox.zone.day(of: new)), alike("2026-11-20".utf8.count) >= most { return false }
    if let most = mailbox.hourlyLimit, alike("2026-11-20T09".utf8.count) >= most { return false }
    guard let most = mailbox.rollingLimit else { return true }
    let all = near.filter { abs(($0 - new).milliseconds) < 86_400_000 } + [new]
    return all.count <= most
      || all.allSatisfy { start in
        let end = start + .days(1)
        return new < start || new >= end || all.filter { $0 >= start && $0 < end }.count <= most
      }
  }
}
