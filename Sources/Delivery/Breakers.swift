import Journal
import Model

/// The breakers of campaigns and mailboxes: what the day's results and events come to, and what they have stopped.
///
///     counting ──a rate above its share, over enough sends──▶ stopped ──a person resumes it──▶ counting, from nothing
///
/// A fold of the day's results, which a run goes on with: a restart derives the same. A part that was stopped stays
/// stopped on later days too, by the pauses file, where the trip is written down.
public struct Breakers: Sendable {
  /// A breaker has stopped a part.
  public struct Trip: Hashable, Sendable {
    public var part: Part
    public var at: Instant
    /// With figures, for people.
    public var text: String
  }

  private var gauges: [Gauge] = []
  private var gaugeOf: [Part: Int] = [:]
  /// What earlier runs' sends went by, by the numbers that the fold of the results has for it.
  private var ways: [Way?] = []
  /// Campaigns by their ids and earlier ids.
  private let campaignOf: [String: String]
  /// What is stopped, and why.
  public private(set) var trips: [Part: Trip] = [:]
  /// Of each login, by the results of earlier runs of the day, from when a person has let its provider go on.
  private(set) var logins: [String: LoginBreaker] = [:]
  /// What opened each of them last.
  private(set) var troubles: [String: String] = [:]
  /// When a person last let each provider go on.
  private(set) var providersSince: [String: Instant] = [:]
  private let endpoints: [String: [String: Endpoint]]
  private let retry: RetryPolicy
  /// A rehearsal plays another day: what was resumed is told by when its runs began.
  private let isRehearsal: Bool
  private var runBegan = Instant.distantPast
  /// The runs that have begun.
  private var runs: Set<String> = []

  public init(rules: DeliveryRules, pauses: Pauses = Pauses(), isRehearsal: Bool = false) {
    retry = rules.settings.retry
    self.isRehearsal = isRehearsal
    endpoints = rules.endpoints.mapValues { chain in
      Dictionary(chain.map { ($0.provider, $0) }, uniquingKeysWith: { first, _ in first })
    }
    campaignOf = rules.campaigns.values.presentIDs
    for campaign in rules.campaigns.values {
      addGauge(of: Part(.campaign, campaign.id), campaign.breaker)
    }
    for id in rules.mailboxes.keys { addGauge(of: Part(.mailbox, id), rules.settings.breaker) }
    _ = heed(pauses)
  }

  private mutating func addGauge(of part: Part, _ policy: BreakerPolicy) {
    gaugeOf[part] = gauges.count
    gauges.append(Gauge(policy: policy))
  }

  /// What many sends have in common.
  private struct Way {
    /// Its gauges, with the parts that they are of.
    var gauges: [(part: Part, number: Int)]
    var provider: String
    var login: String?
  }

  private mutating func way(_ number: Int, _ campaign: String, _ mailbox: String, _ provider: String) -> Way {
    while ways.count <= number { ways.append(nil) }
    if let known = ways[number] { return known }
    let parts = [Part(.campaign, campaignOf[campaign] ?? campaign), Part(.mailbox, mailbox)]
    let way = Way(
      gauges: parts.compactMap { part in gaugeOf[part].map { (part, $0) } }, provider: provider,
      login: endpoints[mailbox]?[provider]?.login)
    ways[number] = way
    return way
  }

  /// Whether a send's campaign or mailbox is stopped.
  func trip(campaign: String, mailbox: String) -> Trip? {
    if trips.isEmpty { return nil }
    return trips[Part(.campaign, campaignOf[campaign] ?? campaign)] ?? trips[Part(.mailbox, mailbox)]
  }

  /// The same, for lines that no run has taken up yet.
  public func isStopped(campaign: String, mailbox: String) -> Bool {
    trip(campaign: campaign, mailbox: mailbox) != nil
  }

  /// Takes a record of an earlier run of the day, in the files' order.
  public mutating func apply(_ record: Record) {
    switch record {
    case .run(let run):
      runBegan = run.at
      runs.insert(run.id)
    case .outcome(let attempt, let result):
      let counted = isRehearsal ? runBegan : attempt.at
      _ = note(attempt, result, at: counted)
      guard attempt.number > 0, let endpoint = endpoints[attempt.mailbox]?[attempt.provider] else { return }
      // What a killed run had under way is written down by the next, before it begins: no fault of the login's.
      if result.outcome == .inDoubt, !runs.isEmpty, !runs.contains(attempt.run) { return }
      guard counted >= providersSince[endpoint.provider] ?? .distantPast else { return }
      let (login, fault) = (endpoint.login, result.fault(at: endpoint.kind))
      let rest = logins[login, default: LoginBreaker()].note(fault, at: attempt.at, policy: retry, name: login)
      if rest != nil {
        let words = [result.code.map(String.init) ?? "", result.response].filter { !$0.isEmpty }
        troubles[login] = words.isEmpty ? "no reply" : words.joined(separator: " ")
      }
    case .intent, .released, .withdrawn, .requeued, .resolved: break
    }
  }

  /// The same of what a fold of the day's results has kept.
  public mutating func apply(_ heard: DayResults.Heard) {
    switch heard {
    case .other(let record): apply(record)
    case .sent(let number, let campaign, let mailbox, let provider, let at):
      let way = way(number, campaign, mailbox, provider)
      let counts = Gauge.Counts(attempts: 1, ended: 1, sent: 1)
      let counted = isRehearsal ? runBegan : at
      for (part, gauge) in way.gauges {
        gauges[gauge].add(counts, at: counted)
        if gauges[gauge].hasTrouble { _ = look(at: part, at) }
      }
      guard let login = way.login else { return }
      if !providersSince.isEmpty, counted < providersSince[way.provider] ?? .distantPast { return }
      _ = logins[login, default: LoginBreaker()].note(.none, at: at, policy: retry, name: login)
    }
  }

  /// Counts an outcome.
  /// - Parameter time: when it counts as made; what was made before a part was resumed does not count for it.
  /// - Returns: what that has stopped.
  mutating func note(_ attempt: Record.Attempt, _ result: Record.Result, at time: Instant? = nil) -> [Trip] {
    guard attempt.number > 0 else { return [] }
    let at = time ?? attempt.at
    var counts = Gauge.Counts(attempts: 1)
    if result.outcome != .retry { counts.ended = 1 }
    if result.outcome == .sent { counts.sent = 1 }
    if result.isBounce { counts.bounces = 1 }
    if result.isError(at: endpoints[attempt.mailbox]?[attempt.provider]?.kind) { counts.errors = 1 }
    return count(counts, campaign: attempt.campaign, mailbox: attempt.mailbox, at: at, now: attempt.at)
  }

  private mutating func count(
    _ counts: Gauge.Counts, campaign: String, mailbox: String, at: Instant, now: Instant
  ) -> [Trip] {
    var stopped: [Trip] = []
    for part in [Part(.campaign, campaignOf[campaign] ?? campaign), Part(.mailbox, mailbox)] {
      if let gauge = gaugeOf[part] { gauges[gauge].add(counts, at: at) }
      if let trip = look(at: part, now) { stopped.append(trip) }
    }
    return stopped
  }

  /// Takes in what came after the sends: bounces and complaints of the day, as many as there are of each part by now.
  mutating func heed(late: [Late], now: Instant) -> [Trip] {
    for gauge in gauges.indices { gauges[gauge].late = (0, 0) }
    for one in late {
      for part in one.parts {
        guard let gauge = gaugeOf[part], one.at >= gauges[gauge].since else { continue }
        if one.isComplaint { gauges[gauge].late.complaints += 1 } else { gauges[gauge].late.bounces += 1 }
      }
    }
    return gaugeOf.keys.sorted().compactMap { look(at: $0, now) }
  }

  /// A bounce or complaint that an event tells of, and whose send it belongs to.
  struct Late: Hashable {
    var at: Instant
    var isComplaint: Bool
    var parts: [Part]
  }

  /// Takes in the pauses file: what was resumed counts anew from then, what another run's breaker stopped is stopped.
  /// What it says of campaigns under earlier ids holds for them.
  /// - Returns: what is stopped now and was not before.
  mutating func heed(_ pauses: Pauses) -> [Trip] {
    let pauses = pauses.renamed(campaignOf)
    for (part, since) in pauses.countsSince where part.kind == .provider {
      guard since > providersSince[part.name] ?? .distantPast else { continue }
      providersSince[part.name] = since
      for chain in endpoints.values {
        guard let login = chain[part.name]?.login else { continue }
        logins[login] = nil
        troubles[login] = nil
      }
    }
    for (part, since) in pauses.countsSince where gaugeOf[part].map({ gauges[$0].since }) ?? .distantPast < since {
      if let gauge = gaugeOf[part] { gauges[gauge].begin(at: since) }
      trips[part] = nil
    }
    var stopped: [Trip] = []
    for (part, entry) in pauses.tripped.sorted(by: { $0.key < $1.key }) where trips[part] == nil {
      let trip = Trip(part: part, at: entry.at, text: entry.reason ?? "stopped by its breaker")
      trips[part] = trip
      stopped.append(trip)
    }
    return stopped
  }

  private mutating func look(at part: Part, _ now: Instant) -> Trip? {
    guard trips[part] == nil, let gauge = gaugeOf[part], let text = gauges[gauge].excess else { return nil }
    let trip = Trip(part: part, at: now, text: text)
    trips[part] = trip
    return trip
  }
}

/// One part's counts since the day began, or since it was resumed.
struct Gauge: Sendable {
  struct Counts: Hashable, Sendable {
    var attempts = 0
    /// Sends that ended: sent, failed or in doubt.
    var ended = 0
    var sent = 0
    var bounces = 0
    var errors = 0

    static func + (a: Counts, b: Counts) -> Counts {
      Counts(
        attempts: a.attempts + b.attempts, ended: a.ended + b.ended, sent: a.sent + b.sent,
        bounces: a.bounces + b.bounces, errors: a.errors + b.errors)
    }
  }

  let policy: BreakerPolicy
  private(set) var counts = Counts()
  /// What events tell of.
  var late = (bounces: 0, complaints: 0)
  private(set) var since = Instant.distantPast
  /// The counts of the last seconds: a run hears of a `resume` a moment after it, and counts from it all the same.
  private var recent: [(second: Int64, counts: Counts)] = []
  private static let kept: Int64 = 60

  init(policy: BreakerPolicy) { self.policy = policy }

  mutating func add(_ more: Counts, at: Instant) {
    guard at >= since else { return }
    counts = counts + more
    if let last = recent.last, last.second == at.seconds {
      recent[recent.count - 1].counts = last.counts + more
    } else {
      recent.append((at.seconds, more))
      if recent.count > 2 * Self.kept { recent.removeFirst(Int(Self.kept)) }
    }
  }

  /// Counts from `instant` on, a whole second.
  mutating func begin(at instant: Instant) {
    since = instant
    recent.removeAll { $0.second < instant.seconds }
    counts = recent.reduce(Counts()) { $0 + $1.counts }
    late = (0, 0)
  }

  /// Whether any rate is above nothing.
  var hasTrouble: Bool { counts.bounces + counts.errors + late.bounces + late.complaints > 0 }

  /// Which rate is above its share, with the figures; nil if none is.
  var excess: String? {
    let bounces = counts.bounces + late.bounces
    if counts.ended >= policy.minSends, policy.bounceRate.isExceeded(by: bounces, of: counts.ended) {
      return Self.words(bounces, "bounce", of: counts.ended, "sends", "bounce_rate", policy.bounceRate)
    }
    if counts.sent >= policy.minSends, policy.complaintRate.isExceeded(by: late.complaints, of: counts.sent) {
      return Self.words(late.complaints, "complaint", of: counts.sent, "sends", "complaint_rate", policy.complaintRate)
    }
    if counts.attempts >= policy.minSends, policy.errorRate.isExceeded(by: counts.errors, of: counts.attempts) {
      return Self.words(counts.errors, "error", of: counts.attempts, "attempts", "error_rate", policy.errorRate)
    }
    return nil
  }

  private static func words(
    _ part: Int, _ what: String, of whole: Int, _ things: String, _ key: String, _ limit: Share
  ) -> String {
    let tenths = whole > 0 ? part * 1000 / whole : 0
    return "\(part) \(what)\(part == 1 ? "" : "s") in \(whole) \(things) (\(tenths / 10).\(tenths % 10)%), above the "
      + "\(key) of \(limit)"
  }
}
