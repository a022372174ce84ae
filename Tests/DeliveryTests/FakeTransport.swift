import Model
import TestSupport

@testable import Delivery

struct Crash: Error {}

/// Records in memory, on disk once `commit` has returned. Crashes at a given operation, as a machine does: of what was
/// not yet committed, a part may have reached the disk.
final class MemorySink: RecordSink {
  enum Loss: CaseIterable { case all, half, nothing }
  private(set) var committed: [Record] = []
  private var pending: [Record] = []
  private var operations = 0
  private let crashAt: Int?
  private let loss: Loss
  private(set) var hasCrashed = false
  /// Ids whose last committed record is an intent.
  private(set) var openIntents: Set<SendID> = []
  private(set) var commits = 0
  /// Commits go on by themselves, and take as many questions as the dice say.
  let isLate: Bool
  /// What a late commit is writing.
  private var underWay: [Record]?
  private var questions = 0

  init(_ earlier: [Record] = [], crashAt: Int? = nil, loss: Loss = .all, isLate: Bool = false) {
    self.crashAt = crashAt
    self.loss = loss
    self.isLate = isLate
    settle(earlier)
  }

  func beginCommit(done: @escaping @Sendable () -> Void) throws -> Bool {
    guard isLate else { return false }
    precondition(underWay == nil)
    try boundary()
    underWay = pending
    pending = []
    questions = committed.count % 3
    return true
  }

  func endCommit() throws -> Bool {
    guard let records = underWay else { return true }
    questions -= 1
    guard questions < 0 else { return false }
    try boundary()
    commits += 1
    settle(records)
    underWay = nil
    return true
  }

  func append(_ record: Record) throws {
    try boundary()
    pending.append(record)
  }

  func commit() throws {
    try boundary()
    commits += 1
    settle(underWay ?? [])
    underWay = nil
    settle(pending)
    pending = []
  }

  private func boundary() throws {
    operations += 1
    guard !hasCrashed, let crashAt, operations == crashAt else {
      if hasCrashed { throw Crash() }
      return
    }
    hasCrashed = true
    let unsynced = (underWay ?? []) + pending
    switch loss {
    case .all: break
    case .half: settle(Array(unsynced.prefix(unsynced.count / 2)))
    case .nothing: settle(unsynced)
    }
    throw Crash()
  }

  private func settle(_ records: [Record]) {
    committed += records
    for record in records {
      switch record {
      case .intent(let a): openIntents.insert(a.id)
      case .outcome(let a, _): openIntents.remove(a.id)
      default: break
      }
    }
  }
}

/// What happens to an attempt, by script.
enum Fate: CaseIterable {
  case accept, unknown, greylisted, closing, policy, lostEarly, unavailable
  // After the intent:
  case lostBeforeDot, lostAfterDot, timeoutAfterDot, refusedAfterDot, laterAfterDot, throttled

  var isBeforeIntent: Bool {
    switch self {
    case .unknown, .greylisted, .closing, .policy, .lostEarly, .unavailable: true
    default: false
    }
  }
  /// Whether the server has the message, or may have it.
  var mayArrive: Bool { self == .accept || self == .lostAfterDot || self == .timeoutAfterDot }

  var reply: Reply {
    switch self {
    case .accept: .accepted
    case .unknown: .unknown
    case .greylisted: .greylisted
    case .closing: .closing
    case .policy: .policy
    case .lostEarly, .unavailable: .lost(completed: false)
    case .lostBeforeDot: .lost(completed: false)
    case .lostAfterDot: .lost(completed: true)
    case .timeoutAfterDot: Reply(stage: .message, ending: .timeout, text: "no reply", completed: true)
    case .refusedAfterDot: .code(554, .message, "5.6.0")
    case .laterAfterDot: .code(451, .message)
    case .throttled: .code(454, .message, "4.7.0")
    }
  }
}

/// The servers, seen from one process or from several one after another.
final class FakeServers {
  /// How often each message was completed such that a server has it or may have it.
  var arrived: [SendID: Int] = [:]
  var accepted: Set<SendID> = []
  /// What must not have happened.
  var problems: [String] = []
  /// Attempts begun so far, by id: the script's place.
  var attempts: [SendID: Int] = [:]
}

/// A transport without a network. It fails by script, and watches that it is used as promised.
final class FakeTransport: Transport {
  struct Begun {
    var attempt: OutgoingAttempt
    var at: Instant
    var fate: Fate
    var isReady = false
    var isCompleted = false
  }

  let servers: FakeServers
  private let sink: MemorySink
  private let clock: any DeliveryClock
  private let script: (SendID, Int) -> Fate
  private var chance: Dice
  private(set) var active: [Int: Begun] = [:]
  /// Beginnings of all that were attempts, by mailbox sender and by login.
  private(set) var starts: [(from: String, login: String, at: Instant)] = []
  private var isDraining = false
  private(set) var isClosed = false
  private var idlePolls = 0
  /// Called at each poll, with its milliseconds.
  var onPoll: (Int) -> Void = { _ in }
  /// Asked once nothing has happened for long: a run that hangs is ended, and found out.
  let stop: StopRequest

  init(
    servers: FakeServers, sink: MemorySink, clock: any DeliveryClock, seed: UInt64, stop: StopRequest,
    script: @escaping (SendID, Int) -> Fate
  ) {
    self.servers = servers
    self.sink = sink
    self.clock = clock
    self.stop = stop
    self.script = script
    chance = Dice(seed)
  }

  func begin(_ attempt: OutgoingAttempt) {
    if isClosed || sink.hasCrashed { servers.problems.append("begun after the end") }
    if isDraining { servers.problems.append("begun while draining") }
    if active[attempt.handle] != nil { servers.problems.append("handle \(attempt.handle) begun twice") }
    let busy = active.values.filter { $0.attempt.endpoint.login == attempt.endpoint.login }.count
    if busy >= attempt.endpoint.maxInFlight { servers.problems.append("\(attempt.endpoint.login): too many") }
    let number = servers.attempts[attempt.sendID, default: 0]
    servers.attempts[attempt.sendID] = number + 1
    active[attempt.handle] = Begun(attempt: attempt, at: clock.now(), fate: script(attempt.sendID, number))
  }

  func complete(_ handle: Int) {
    guard let begun = active[handle], begun.isReady, !begun.isCompleted else {
      return servers.problems.append("completed \(handle), which is not ready")
    }
    let id = begun.attempt.sendID
    if sink.hasCrashed || isClosed { servers.problems.append("\(id) completed after the end") }
    if !sink.openIntents.contains(id) { servers.problems.append("\(id) completed without an intent on disk") }
    if servers.arrived[id] ?? 0 > 0 { servers.problems.append("\(id) completed again") }
    active[handle]?.isCompleted = true
    if begun.fate.mayArrive { servers.arrived[id, default: 0] += 1 }
    if begun.fate == .accept { servers.accepted.insert(id) }
  }

  func cancel(_ handle: Int) {
    guard let begun = active.removeValue(forKey: handle), !begun.isCompleted else {
      return servers.problems.append("cancelled \(handle), which is not under way")
    }
  }

  func poll(milliseconds: Int) -> [TransportEvent] {
    onPoll(milliseconds)
    idlePolls = active.isEmpty ? idlePolls + 1 : 0
    if idlePolls > 2000, !stop.isAsked {
      servers.problems.append("nothing happens any more")
      stop.ask()
      stop.ask()
    }
    var events: [TransportEvent] = []
    for handle in active.keys.sorted() where isDraining || !chance.oneIn(3) {
      guard let begun = active[handle] else { continue }
      if isDraining && !begun.isCompleted {
        active[handle] = nil
        events.append(.finished(handle: handle, .lost(completed: false)))
      } else if begun.fate == .unavailable {
        events.append(becomeUnavailable(begun.attempt.endpoint.login))
      } else if begun.fate.isBeforeIntent || begun.isCompleted {
        end(handle, begun, &events)
      } else if !begun.isReady {
        active[handle]?.isReady = true
        events.append(.ready(handle: handle))
      }
    }
    return events
  }

  private func end(_ handle: Int, _ begun: Begun, _ events: inout [TransportEvent]) {
    active[handle] = nil
    note(begun)
    events.append(.finished(handle: handle, begun.fate.reply))
  }

  private func note(_ begun: Begun) {
    starts.append((begun.attempt.from, begun.attempt.endpoint.login, begun.at))
  }

  /// All that wait for a connection of the login come back.
  private func becomeUnavailable(_ login: String) -> TransportEvent {
    let returned = active.filter { $0.value.attempt.endpoint.login == login && $0.value.fate == .unavailable }
    for handle in returned.keys { active[handle] = nil }
    return .unavailable(
      login: login, Unavailability(cause: .connection, text: "refused"), returned: returned.keys.sorted())
  }

  var wake: (@Sendable () -> Void)? {
    guard sink.isLate else { return nil }
    return {}
  }
  func drain() { isDraining = true }
  func close() { isClosed = true }
}
