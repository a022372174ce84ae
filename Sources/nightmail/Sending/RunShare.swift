import Delivery
import Journal
import Model

/// Which mailboxes a run may use: all of them, or those of its shard that no other run has.
///
/// A shard shares the day and the output with other shards and with nobody else, and holds a lock for each of its
/// mailboxes: a mailbox has one owner at a time, also while shards that were started with another N are still at work.
struct RunShare {
  let shard: Shard?
  /// Nil for all.
  private let mailboxes: Set<String>?
  /// Those of the shard that another run holds, with what its lock says.
  let missing: [(mailbox: String, holder: String)]
  private let locks: [Lock]

  /// Takes the output's lock, and the shard's own ones.
  init(_ shard: Shard?, of project: Project, day: DayFolder, in workspace: Workspace) throws {
    self.shard = shard
    var locks = [try workspace.lock(workspace.output.sendLockPath, purpose: "send", isShared: shard != nil)]
    guard let shard else {
      (mailboxes, missing, self.locks) = (nil, [], locks)
      return
    }
    let purpose = "send --shard \(shard)"
    locks.append(try workspace.lock(day.lockPath(shard), purpose: purpose))
    try workspace.output.createLocks()
    var own: Set<String> = []
    var missing: [(mailbox: String, holder: String)] = []
    for mailbox in project.mailboxes.map(\.id) where shard.owns(mailbox: mailbox) {
      do {
        locks.append(
          try Lock.acquire(workspace.output.lockPath(mailbox: mailbox), purpose: purpose, at: Workspace.now()))
        own.insert(mailbox)
      } catch .held(let held) {
        missing.append((mailbox, held.description))
      } catch .journal(let problem) {
        throw problem
      }
    }
    (mailboxes, self.missing, self.locks) = (own, missing, locks)
  }

  func has(mailbox id: String) -> Bool { mailboxes?.contains(id) ?? true }

  func release() { for lock in locks { lock.release() } }

  /// What only one run may do at a time: others wait for their turn.
  func inTurn<R>(_ workspace: Workspace, _ body: () throws -> R) throws -> R {
    guard shard != nil else { return try body() }
    let lock = try workspace.lock(workspace.output.turnLockPath, purpose: "send", waits: true)
    defer { lock.release() }
    return try body()
  }

  /// A login's connections and rate, shared out among the shards: none has less than one connection.
  func part(of endpoint: Endpoint) -> Endpoint {
    guard let shard else { return endpoint }
    var part = endpoint
    part.maxConnections = max(1, endpoint.maxConnections / shard.count)
    part.interval = Instant.Span(milliseconds: endpoint.interval.milliseconds * Int64(shard.count))
    return part
  }
}
