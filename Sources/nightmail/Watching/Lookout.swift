import Delivery
import Foundation
import Journal
import Model
import Synchronization

/// Looks after `run --watch` on a thread of its own, while it delivers and while it waits: at the project's files, at
/// approvals and pauses, at the clock, at whoever waits for the day. When something calls, it interrupts the delivery,
/// if there is one, and tells the run.
///
/// ```
/// watching ──something calls──▶ called (any delivery is asked to stop) ──the run takes the call──▶ watching
/// ```
final class Lookout: Sendable {
  enum Call: Hashable, Sendable {
    /// The files call for another plan, or read again after they did not.
    case files
    /// Somebody has approved.
    case approval
    /// Something was paused, resumed, or stopped by a breaker.
    case pauses
    /// Somebody waits for the day's lock.
    case giveWay
    case wake(WatchAgenda.Wake)
    case stop
  }

  private struct State {
    var latest: WatchedProject
    /// What the day's plan was made from; nil while there is none.
    var planned: WatchedInputs?
    var agenda: WatchAgenda
    var day: DayFolder
    var approval: FileStamp?
    var pauses: FileStamp?
    var isBroken = false
    var call: Call?
    var delivery: StopRequest?
    var waiter: CheckedContinuation<Call, Never>?
    var isOver = false
  }

  private let workspace: Workspace
  private let heedsApprovals: Bool
  private let signals: StopRequest
  private let state: Mutex<State>
  /// A signal, an approval, a pause is noticed within so long.
  private static let tick = Instant.Span(milliseconds: 250)

  /// - Parameters:
  ///   - files: the files' state before `project` was read.
  ///   - heedsApprovals: false for a run that approves by itself.
  init(
    _ workspace: Workspace, project: WatchedProject, files: WatchedFiles, reading: WatchedReading, day: DayFolder,
    agenda: WatchAgenda, rhythm: WatchRhythm, heedsApprovals: Bool, signals: StopRequest
  ) {
    self.workspace = workspace
    self.signals = signals
    self.heedsApprovals = heedsApprovals
    state = Mutex(
      State(
        latest: project, agenda: agenda, day: day, approval: FileStamp(day.approvalPath),
        pauses: FileStamp(workspace.output.pausesPath)))
    let thread = Thread { [self] in watch(files, reading, rhythm) }
    thread.name = "lookout"
    thread.start()
  }

  // MARK: - For the run

  private var latest: WatchedProject { state.withLock { $0.latest } }
  /// Whether the files do not read at present.
  var isBroken: Bool { state.withLock { $0.isBroken } }

  /// The run turns to a day, whose plan it does not know yet.
  func turn(to day: DayFolder, _ agenda: WatchAgenda) {
    state.withLock {
      $0.day = day
      $0.agenda = agenda
      $0.planned = nil
    }
  }

  func set(_ agenda: WatchAgenda) { state.withLock { $0.agenda = agenda } }

  /// The day's plan was made from these, or is as good as if it were. What was read while it was being made was held
  /// against the plan before it, so that it is looked at once more: files that went back to what they were are news too.
  func planned(from inputs: WatchedInputs) {
    state.withLock {
      $0.planned = inputs
      if $0.call != .stop, $0.latest.inputs != inputs { $0.call = .files }
    }
  }

  /// Files, approvals and pauses are read by the run from here on: what comes later calls.
  /// - Returns: the last project that was read whole.
  func takeIn() -> WatchedProject {
    state.withLock {
      $0.approval = FileStamp($0.day.approvalPath)
      $0.pauses = FileStamp(workspace.output.pausesPath)
      // What still calls after this is found again at the next glance.
      $0.call = nil
      return $0.latest
    }
  }

  /// A delivery begins: it is asked to stop when something calls, at once if something has called.
  func begin(_ delivery: StopRequest) {
    state.withLock {
      $0.delivery = delivery
      if $0.call != nil { delivery.ask() }
    }
  }

  func end() { state.withLock { $0.delivery = nil } }

  /// The next call, waited for.
  func next() async -> Call {
    await withCheckedContinuation { continuation in
      state.withLock {
        if let call = $0.call {
          $0.call = nil
          continuation.resume(returning: call)
        } else {
          $0.waiter = continuation
        }
      }
    }
  }

  /// Ends the thread.
  func close() { state.withLock { $0.isOver = true } }

  // MARK: - The thread

  private func watch(_ files: WatchedFiles, _ reading: WatchedReading, _ rhythm: WatchRhythm) {
    var (reading, rhythm) = (reading, rhythm)
    var change = WatchedChange(taken: files)
    let elapsed = DeliveryRun.stopwatch()
    var nextLook = rhythm.interval
    while !state.withLock({ $0.isOver }) {
      Thread.sleep(forTimeInterval: Double(min(Self.tick, rhythm.interval).milliseconds) / 1000)
      if let call = glance() { tell(call) }
      guard elapsed() >= nextLook else { continue }
      let look = change.look(WatchedFiles(folder: workspace.folder, known: latest.project.inputs))
      if look == .settled, read(&reading) { tell(.files) }
      rhythm.looked(foundNews: look != .unchanged)
      nextLook = elapsed() + rhythm.interval
    }
  }

  /// What takes a few calls to find out.
  private func glance() -> Call? {
    if signals.isAsked { return .stop }
    return state.withLock { state in
      // A run that neither waits nor delivers has been woken already.
      let isDelivering = state.delivery != nil
      if isDelivering || state.waiter != nil,
        let wake = state.agenda.wake(at: Workspace.now(), isDelivering: isDelivering)
      {
        return .wake(wake)
      }
      if (try? Lock.isHeld(state.day.waitingPath)) ?? false { return .giveWay }
      let approval = FileStamp(state.day.approvalPath)
      let pauses = FileStamp(workspace.output.pausesPath)
      defer { (state.approval, state.pauses) = (approval, pauses) }
      if heedsApprovals, approval != state.approval { return .approval }
      return pauses != state.pauses ? .pauses : nil
    }
  }

  /// Reads the project anew. A delivery by the old one goes on meanwhile.
  /// - Returns: whether the run has something to do.
  private func read(_ reading: inout WatchedReading) -> Bool {
    let wasBroken = reading.isBroken
    let project = reading.again(after: latest)
    return state.withLock { state in
      state.isBroken = project == nil
      guard let project else { return false }
      state.latest = project
      return wasBroken || project.inputs != state.planned
    }
  }

  /// The weightiest call stands until it is taken.
  private func tell(_ call: Call) {
    let waiter = state.withLock { state -> (CheckedContinuation<Call, Never>, Call)? in
      let call = state.call.map { $0 == .stop ? .stop : $0 == .files && call != .stop ? .files : call } ?? call
      state.delivery?.ask()
      if let waiter = state.waiter {
        state.waiter = nil
        state.call = nil
        return (waiter, call)
      }
      state.call = call
      return nil
    }
    waiter?.0.resume(returning: waiter?.1 ?? call)
  }
}
