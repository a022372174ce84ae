import Model

/// How many each mailbox sends on the days of its own clock: what its daily limit and ramp count.
struct MailboxLoads {
  private let mailboxes: [Mailbox]
  private let index: [String: Int]
  /// By mailbox, by the number of its calendar day: all sends, and those of the plan at hand.
  private var sent: [[Int: Int]]
  private var planned: [[Int: Int]]

  /// - Parameter since: what was sent before it is of no interest.
  init(_ mailboxes: [Mailbox], _ history: History, since: Instant) {
    self.mailboxes = mailboxes
    var index: [String: Int] = [:]
    for (m, mailbox) in mailboxes.enumerated() { index[mailbox.id] = m }
    self.index = index
    sent = Array(repeating: [:], count: mailboxes.count)
    planned = sent
    let known = history.mailboxNames.map { index[$0] }
    var earlier = sent
    history.forEachCounted(since: since) { entry in
      guard let m = known[entry.mailbox] else { return }
      earlier[m][mailboxes[m].zone.day(of: entry.attemptAt ?? entry.at).number, default: 0] += 1
    }
    sent = earlier
  }

  /// The place of a mailbox; nil for one that is gone.
  func number(of mailbox: String) -> Int? { index[mailbox] }

  mutating func beginPlan() { planned = Array(repeating: [:], count: mailboxes.count) }

  /// - Parameter isPlanned: whether it is a send of the plan at hand.
  mutating func add(_ m: Int, at: Instant, isPlanned: Bool = true) {
    let day = mailboxes[m].zone.day(of: at).number
    sent[m][day, default: 0] += 1
    if isPlanned { planned[m][day, default: 0] += 1 }
  }

  /// - Parameters:
  ///   - span: of the project's day.
  ///   - waited: by mailbox, due sends that it was open to and had no room for.
  func loads(in span: Interval, waited: [Int]) -> [Forecast.Load] {
    mailboxes.enumerated().map { m, mailbox in
      let days = MailboxClock(zone: mailbox.zone, from: span.start, to: span.end).days.map(\.label)
      func use(_ day: Int) -> (limit: Int?, used: Int) {
        (mailbox.limit(on: CalendarDay(number: day)), sent[m][day] ?? 0)
      }
      // Of days with as many the first.
      let busiest = days.reversed().max { planned[m][$0] ?? 0 < planned[m][$1] ?? 0 } ?? days[0]
      let isReached = days.contains { day in
        guard planned[m][day] ?? 0 > 0 || day == busiest, let limit = use(day).limit else { return false }
        return use(day).used > 0 && use(day).used >= limit
      }
      return Forecast.Load(
        mailbox: mailbox.id, planned: planned[m].values.reduce(0, +), limit: use(busiest).limit,
        used: use(busiest).used, waited: waited[m], isFull: isReached || waited[m] > 0)
    }
  }
}
