import Model

/// What `why` says of each finding, as sentences without a full stop.
struct WhyWords {
  private let zone: Zone
  private let date: CalendarDay
  /// Before it nothing of the day is planned.
  let start: Instant

  init(_ explanation: Explanation) {
    zone = explanation.zone
    date = explanation.date
    start = explanation.notBefore
  }

  /// RFC 3339 in the project's zone.
  func full(_ instant: Instant) -> String { zone.format(instant) }

  /// On the day that is explained the time is enough.
  func time(_ instant: Instant) -> String {
    let text = zone.format(instant)
    return zone.day(of: instant) == date ? String(text.dropFirst(11).prefix(8)) : text
  }

  /// `2026-11-23`, with the time where it is not the day's beginning.
  private func day(_ instant: Instant) -> String {
    let text = zone.format(instant)
    return text.dropFirst(11).hasPrefix("00:00:00") ? String(text.prefix(10)) : String(text.prefix(16))
  }

  func absence(_ absence: Explanation.Absence) -> String {
    switch absence {
    case .draft: "a draft"
    case .paused: "paused"
    case .over(let end): "over since \(time(end))"
    case .broken: "left out of the plan for its findings; see nightmail validate"
    case .notInFiles(let files): "its audience is \(files.joined(separator: ", ")), and has no such contact"
    case .notWhere(let filter): "left out by where \(text(filter))"
    case .excepted(let filter): "left out by except \(text(filter))"
    case .noRow: "no message row names this contact"
    }
  }

  private func text(_ filter: Campaign.Filter) -> String {
    let values = filter.values.sorted()
    let shown = values.prefix(5).joined(separator: ", ")
    return "\(filter.column): [\(shown)\(values.count > 5 ? ", …" : "")]"
  }

  /// A send of the past.
  func past(_ record: SendRecord) -> String {
    let when = zone.format(record.attemptAt ?? record.at)
    let from = record.mailbox.isEmpty ? "" : " from \(record.mailbox)"
    let way = record.provider.map { " through \($0)" } ?? ""
    return "\(state(record)) \(when)\(from)\(way)\(reply(record))"
  }

  private func state(_ record: SendRecord) -> String {
    switch record.state {
    case .pending: record.attempts > 0 ? "released, due again since" : "due again since"
    case .inFlight, .inDoubt: "in doubt since"
    case .sent: "sent"
    case .waiting: "tried"
    case .dead(let reason): "ended unsent (\(reason.rawValue))"
    case .withdrawn: "withdrawn"
    case .dropped: "dropped by a person"
    }
  }

  private func reply(_ record: SendRecord) -> String {
    guard let last = record.last else { return "" }
    let words = [last.code.map(String.init), last.enhancedCode, last.response].compactMap { $0 }.filter { !$0.isEmpty }
    return words.isEmpty ? "" : ": " + words.joined(separator: " ")
  }

  func item(_ item: Explanation.Item) -> String {
    let channel = item.channel == .sms ? "by SMS: " : ""
    guard let row = item.row else { return channel + verdict(item.verdict) }
    switch item.verdict {
    case .ended(.complete(last: .some(let record))), .ended(.failed(let record)):
      return "\(past(record)) (\(row.place))"
    // Skipped rows name their place themselves.
    case .skipped(_, let detail) where detail.contains(row.place.description): return channel + verdict(item.verdict)
    default: return "\(channel)\(verdict(item.verdict)) (\(row.place))"
    }
  }

  func verdict(_ verdict: Explanation.Verdict) -> String {
    switch verdict {
    case .planned(let send):
      let open = send.open.intervals.map { "\(clock($0.start))-\(clock($0.end))" }.joined(separator: ", ")
      return "planned at \(time(send.sendAt)) from \(send.mailbox) to \(send.to); open \(open)"
    case .deferred(let reason, let obstacle, let until):
      return "deferred (\(reason.rawValue)): \(text(obstacle)); \(deferredUntil(reason, until))"
    case .skipped(let reason, let detail):
      return "skipped (\(reason.rawValue))\(detail.isEmpty ? "" : ": \(detail)")"
    case .held(let reason, let holder): return "held (\(reason.rawValue))\(text(reason, holder))"
    case .waiting(let reason, let until): return "not due before \(day(until)): \(text(reason))"
    case .ended(let reason): return ended(reason)
    }
  }

  /// `17:00`; the day's last instant is 24:00 and not the next day's first.
  private func clock(_ instant: Instant) -> String {
    let text = zone.format(instant).dropFirst(11).prefix(5)
    return text == "00:00" && zone.day(of: instant) > date ? "24:00" : String(text)
  }

  private func deferredUntil(_ reason: DeferReason, _ until: Instant?) -> String {
    guard let until else { return "nothing within two weeks changes that" }
    return reason == .noWindowToday ? "open again \(time(until))" : "due again with the plan for \(day(until))"
  }

  private func text(_ obstacle: Explanation.Obstacle) -> String {
    switch obstacle {
    case .mailboxes(let boxes): return mailboxes(boxes)
    case .windows(let closed):
      return closed.map { "the window of this day closed at \(time($0)), before the plan begins" }
        ?? "no time of this day is open"
    case .contactCaps(let day, let week):
      let parts = [
        day.map { "\(text($0)) for this contact today" }, week.map { "\(text($0)) within a week" },
      ]
      return parts.compactMap { $0 }.joined(separator: ", ")
    case .domainCap(let domain, let use): return "\(text(use)) to \(domain) today"
    case .newLimit(let use): return "\(text(use)) first steps of the campaign today"
    }
  }

  /// `200 of 200 (150 in this plan)`
  private func text(_ use: Explanation.Use) -> String {
    let all = "\(Words.number(use.earlier + use.planned)) of \(Words.number(use.limit))"
    return use.planned > 0 && use.earlier > 0 ? "\(all) (\(Words.number(use.planned)) in this plan)" : all
  }

  private func mailboxes(_ boxes: [Explanation.MailboxUse]) -> String {
    let open = boxes.filter(\.isOpen)
    let shown = open.prefix(5).map(text)
    let rest = open.count > 5 ? ["and \(open.count - 5) more"] : []
    let closed =
      boxes.count > open.count ? ["\(Words.count(boxes.count - open.count, "mailbox", "mailboxes")) closed"] : []
    return (shown + rest + closed).joined(separator: "; ")
  }

  private func text(_ box: Explanation.MailboxUse) -> String {
    var parts = box.days.map { piece in
      text(piece.use) + (box.days.count > 1 ? " on \(piece.day)" : " today")
    }
    if parts.isEmpty { parts.append("\(Words.number(box.planned)) in this plan") }
    if let limit = box.hourlyLimit { parts.append("\(Words.number(limit)) an hour") }
    if let limit = box.rollingLimit { parts.append("\(Words.number(limit)) in 24 hours") }
    if box.minGap > .zero { parts.append("\(box.minGap) apart") }
    if box.isReserved { parts.append("other plans hold some") }
    return "\(box.id) \(parts.joined(separator: ", "))"
  }

  private func text(_ reason: HoldReason, _ holder: Explanation.Holder?) -> String {
    switch holder {
    case .send(let record):
      let settle = "nightmail dead-letters retry or mark-sent \(record.id)"
      return ": \(record.step) is \(past(record)); settle it with \(settle)"
    case .line(let line): return ": \(time(line.sendAt)) from \(line.mailbox)"
    case nil: return ""
    }
  }

  private func text(_ reason: Explanation.WaitReason) -> String {
    switch reason {
    case .delay: "its delay"
    case .start: "the campaign's start"
    case .retry: "then it is tried again"
    case .sendAt: "its send_at"
    }
  }

  private func ended(_ reason: EndReason) -> String {
    switch reason {
    case .complete(let last): return last == nil ? "ended: there is nothing to send" : "ended: every step is through"
    case .stopped(let event):
      return "ended: \(event.type.rawValue) \(zone.format(event.at))"
        + (event.detail.map { ": \($0)" } ?? "")
    case .failed(let record): return "ended: \(record.step) came to its end unsent"
    }
  }
}
