import Model

/// Reading a plan's lines. Strict: what is not understood is refused, since a key that is passed over could be the
/// one that mattered.
extension PlanCodec {
  private static let headerKeys = [
    "nightmail_plan", "date", "timezone", "tzdata", "not_before", "seed", "sends", "inputs", "content", "history",
    "skipped", "deferred", "ended", "due", "held", "waiting", "campaigns", "left_out",
  ]
  private static let totalsKeys = ["due", "planned", "skipped", "deferred", "held", "waiting", "ended"]
  private static let sendKeys = [
    "id", "send_at", "open", "expires_at", "campaign", "step", "variant", "contact", "channel", "to", "name",
    "mailbox", "subject", "batch", "key", "text", "html", "thread", "vars",
  ]

  static func header(_ json: JSON) throws(LineProblem) -> PlanHeader {
    let fields = try Fields(json, headerKeys, what: "a plan's header")
    let date = try fields.string("date")
    guard let day = CalendarDay(date) else { throw LineProblem("'date' is a date such as 2026-11-20, not '\(date)'") }
    let name = try fields.string("timezone")
    guard let zone = Zone(name) else { throw LineProblem("'\(name)' is no IANA time zone") }
    var campaigns: [String: PlanTotals] = [:]
    let value = try fields.need("campaigns")
    guard let members = value.object else { throw LineProblem("'campaigns' is an object, not \(value.kind)") }
    for member in members { campaigns[member.key] = try totals(member.value, of: member.key) }
    let header = PlanHeader(
      date: day, zone: zone, tzdata: try fields.string("tzdata"), notBefore: try fields.instant("not_before"),
      seed: try seed(fields), sends: try fields.count("sends"), inputs: try fields.strings("inputs"),
      content: try fields.strings("content"),
      history: try fields.string("history"), campaigns: campaigns, broken: try fields.list("left_out"))
    let sum = header.totals
    guard try fields.count("due") == sum.due, try fields.count("ended") == sum.ended,
      try fields.count("waiting") == sum.waiting, try fields.counts("skipped", SkipReason.self) == sum.skipped,
      try fields.counts("deferred", DeferReason.self) == sum.deferred,
      try fields.counts("held", HoldReason.self) == sum.held
    else { throw LineProblem("the header's totals are not the sum of its campaigns'") }
    return header
  }

  /// All 64 bits: JSON's integers end at 63 here, so that the upper half comes as its text was.
  private static func seed(_ fields: Fields) throws(LineProblem) -> UInt64 {
    switch try fields.need("seed") {
    case .integer(let n) where n >= 0: return UInt64(n)
    case .string(let s):
      if let n = UInt64(s), String(n) == s { return n }
    default: break
    }
    throw LineProblem("'seed' is a whole number from 0 to \(UInt64.max), above \(Int64.max) in quotes")
  }

  private static func totals(_ json: JSON, of campaign: String) throws(LineProblem) -> PlanTotals {
    let fields = try Fields(json, totalsKeys, what: "'\(campaign)' in 'campaigns'")
    var totals = PlanTotals()
    totals.planned = try fields.count("planned")
    totals.skipped = try fields.counts("skipped", SkipReason.self)
    totals.deferred = try fields.counts("deferred", DeferReason.self)
    totals.held = try fields.counts("held", HoldReason.self)
    totals.waiting = try fields.count("waiting")
    totals.ended = try fields.count("ended")
    guard try fields.count("due") == totals.due else {
      throw LineProblem("'\(campaign)': due is not planned + deferred + skipped")
    }
    return totals
  }

  static func send(_ json: JSON) throws(LineProblem) -> PlannedSend {
    let fields = try Fields(json, sendKeys, what: "a planned send")
    var thread: PlannedSend.Thread?
    if let value = fields["thread"] {
      let part = try Fields(value, ["references", "subject"], what: "'thread'")
      _ = try part.need("references")
      thread = PlannedSend.Thread(references: try part.list("references"), subject: try part.string("subject"))
    }
    return PlannedSend(
      id: try fields.id(), sendAt: try fields.instant("send_at"), open: try open(try fields.need("open")),
      expiresAt: try fields.optionalInstant("expires_at"), campaign: try fields.string("campaign"),
      step: try fields.string("step"), variant: try fields.optionalString("variant"),
      contact: try fields.string("contact"), channel: try fields.word("channel", Channel.self),
      to: try fields.string("to"), name: try fields.optionalString("name"), mailbox: try fields.string("mailbox"),
      subject: try fields.optionalString("subject"), vars: try fields.strings("vars"),
      batch: try fields.optionalString("batch"), key: try fields.optionalString("key") ?? "",
      text: try fields.optionalString("text"), html: try fields.optionalString("html"), thread: thread)
  }

  /// Pairs of times, each opening before it closes.
  private static func open(_ json: JSON) throws(LineProblem) -> IntervalSet {
    guard let pairs = json.array else { throw LineProblem("'open' is a list of [from, to], not \(json.kind)") }
    var intervals: [Interval] = []
    for pair in pairs {
      guard let ends = pair.array, ends.count == 2, let from = ends[0].string, let to = ends[1].string else {
        throw LineProblem("'open' is a list of [from, to], each a time")
      }
      let interval = Interval(try Fields.instant(from, "open"), try Fields.instant(to, "open"))
      guard interval.start < interval.end else { throw LineProblem("'open' closes at \(to), before it opens") }
      intervals.append(interval)
    }
    return IntervalSet(intervals)
  }
}
