import Model

// What `run --watch` decides, apart from how it waits and looks: values in, values out.

/// How long between two looks at the files: `poll` after a change, twice as long after each look that finds nothing new,
/// at most `most`.
struct WatchRhythm: Hashable, Sendable {
  let poll: Instant.Span
  let most: Instant.Span
  private(set) var interval: Instant.Span

  init(poll: Instant.Span, most: Instant.Span) {
    self.poll = poll
    self.most = most
    interval = poll
  }

  mutating func looked(foundNews: Bool) { interval = foundNews ? poll : min(interval * 2, most) }
}

/// When files that change have come to rest: whoever saves a file, or copies one of many rows, writes it piece by piece.
///
/// unchanged ──a look that differs──▶ changing ──a look like the one before, or the tenth──▶ settled = unchanged
struct WatchedChange<Stamp: Equatable & Sendable>: Sendable {
  enum Look: Sendable { case unchanged, changing, settled }

  private var taken: Stamp
  private var seen: (stamp: Stamp, looks: Int)?
  /// A file that never rests, such as one that grows all day, is read at last as it is.
  static var patience: Int { 10 }

  /// - Parameter taken: the files' state when they were last read.
  init(taken: Stamp) { self.taken = taken }

  mutating func look(_ now: Stamp) -> Look {
    guard now != taken else {
      seen = nil
      return .unchanged
    }
    let looks = (seen?.looks ?? 0) + 1
    guard seen?.stamp == now || looks >= Self.patience else {
      seen = (now, looks)
      return .changing
    }
    (taken, seen) = (now, nil)
    return .settled
  }
}

/// The times at which something is to be done though no file has changed.
struct WatchAgenda: Hashable, Sendable {
  enum Wake: Hashable, Sendable {
    /// The next day is to be planned.
    case nextDay
    /// The last of the campaigns has ended.
    case campaignsEnded
    /// What could not be sent is to be tried again.
    case retry
  }

  /// When the day that is worked on is over.
  var dayEnd: Instant
  /// Nil where a campaign goes on for good.
  var campaignsEnd: Instant?
  /// Nil where nothing is to be tried again.
  var retryAt: Instant?

  /// How long after the day's end a delivery may take to write down what has not gone out.
  static let patience = Instant.Span.minutes(1)

  /// What is to be done now, if anything.
  /// - Parameter isDelivering: what a delivery under way does by itself is left to it.
  func wake(at now: Instant, isDelivering: Bool) -> Wake? {
    if now >= (isDelivering ? dayEnd + Self.patience : dayEnd) { return .nextDay }
    guard !isDelivering else { return nil }
    if let retryAt { return now >= retryAt ? .retry : nil }
    return campaignsEnd.map { now >= $0 } == true ? .campaignsEnded : nil
  }
}

/// Until when a project's campaigns can have work.
enum WatchEnd: Hashable, Sendable {
  /// No campaign is active or paused, so nothing can come.
  case nothingActive
  /// A campaign has no end.
  case never
  case at(Instant)

  /// A draft is nobody's work; a paused campaign, or one that does not read at present, may go on.
  static func of(_ project: Project) -> WatchEnd {
    let ends = project.campaigns.filter { $0.status != .draft }.map(\.end)
    guard project.broken.isEmpty, !ends.contains(nil) else { return .never }
    return ends.compactMap { $0 }.max().map { .at($0) } ?? .nothingActive
  }

  var instant: Instant? { if case .at(let end) = self { end } else { nil } }
}

/// What of the files a day's plan was made from, and what calls for another.
struct WatchedInputs: Hashable, Sendable {
  private let digests: [String: String]

  /// Suppressions and events are left out: a delivery heeds by itself what they forbid. What they allow again waits for
  /// the next plan, which another change or the next day makes: bounces and replies would make one each.
  init(_ inputs: [InputFile]) {
    let relevant = inputs.filter { $0.role != .suppressions && $0.role != .events }
    digests = Dictionary(relevant.map { ($0.path, $0.digest) }, uniquingKeysWith: { a, _ in a })
  }

  /// One phrase a file, sorted; empty where nothing calls for another plan.
  func changes(since before: WatchedInputs) -> [String] {
    let changed = digests.compactMap { path, digest in
      before.digests[path].map { $0 == digest ? nil : "\(path) was changed" } ?? "\(path) is new"
    }
    let gone = before.digests.keys.filter { digests[$0] == nil }.map { "\($0) is gone" }
    return (changed + gone).sorted()
  }

  /// A suppressions or events file of `before` that is not there any more: what it said still holds.
  static func vanished(_ inputs: [InputFile], since before: [InputFile]) -> String? {
    let now = Set(inputs.map(\.path))
    return before.filter { $0.role == .suppressions || $0.role == .events }.map(\.path).sorted()
      .first { !now.contains($0) }
  }
}
