import Foundation
import Model

/// Another process holds a lock. The command answers with exit code 75.
public struct LockHeld: Error, Hashable, Sendable, CustomStringConvertible {
  public var path: String
  /// Nil where the holder had not yet written who it is.
  public var holder: Holder?

  public struct Holder: Hashable, Sendable {
    public var pid: Int
    /// The command: `send`, `plan`.
    public var purpose: String
    public var since: Instant
  }

  /// `held by pid 4711 (send, since 2026-11-20T08:00:00.000Z)`
  public var description: String {
    guard let holder else { return "\(path): held by another run; wait for it to end" }
    let since = Zone.utc.format(holder.since)
    return "\(path): held by pid \(holder.pid) (\(holder.purpose), since \(since)); wait for it to end"
  }
}

/// Why a lock was not had.
public enum LockProblem: Error, Hashable, Sendable {
  case held(LockHeld)
  case journal(JournalProblem)
}

/// The right to write what a file stands for: a day, or a mailbox on a shared output. It is flock(2)'s lock, which the
/// kernel takes back when the process ends, however it ends; the file stays, its content is only for people.
/// Let go by `release` or with the object.
public final class Lock {
  private let file: Descriptor

  private init(_ file: Descriptor) { self.file = file }

  /// Takes the lock at once or not at all.
  /// - Parameters:
  ///   - path: the lock's file, made if it is missing, in a folder that is there.
  ///   - purpose: the command, for the message that another one gives.
  ///   - at: now.
  ///   - isShared: with others who share it, and with nobody who does not.
  ///   - waits: until it is free, however long that takes, in place of giving up.
  public static func acquire(
    _ path: String, purpose: String, at: Instant, isShared: Bool = false, waits: Bool = false
  ) throws(LockProblem) -> Lock {
    do {
      let file = try Descriptor(path, flags: O_RDWR | O_CREAT)
      guard try file.tryLock(shared: isShared, waits: waits) else {
        throw LockProblem.held(LockHeld(path: path, holder: try holder(file)))
      }
      var out: [UInt8] = []
      out.openObject()
      out.member("pid", Int(getpid()))
      out.member("purpose", purpose)
      out.member(utc: "since", at)
      out.closeObject()
      out.append(0x0A)
      try file.truncate(to: 0)
      // Of several who share it, none is the one to name.
      if !isShared { try file.write(out) }
      return Lock(file)
    } catch let problem as JournalProblem {
      throw .journal(problem)
    } catch let problem as LockProblem {
      throw problem
    } catch {
      throw .journal(.system(.lock, path: path, code: EINVAL))
    }
  }

  /// Whether somebody holds it; looks without taking it, and leaves what the holder wrote.
  public static func isHeld(_ path: String) throws(JournalProblem) -> Bool {
    guard FileSystem.exists(path) else { return false }
    let file = try Descriptor(path, flags: O_RDONLY)
    return try !file.tryLock(shared: true)
  }

  public func release() { try? file.close() }

  private static func holder(_ file: Descriptor) throws(JournalProblem) -> LockHeld.Holder? {
    let bytes = try file.read(4096, at: 0)
    guard let json = try? JSON(parsing: bytes), let pid = json["pid"]?.integer, let purpose = json["purpose"]?.string,
      let since = json["since"]?.string.flatMap({ Instant($0) })
    else { return nil }
    return LockHeld.Holder(pid: Int(pid), purpose: purpose, since: since)
  }
}
