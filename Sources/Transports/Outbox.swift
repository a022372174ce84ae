import Delivery
import Model

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The file provider: each message becomes `<directory>/<send id>.eml`, or `.txt` for SMS.
///
/// A file is written beside its place, synced and renamed, and its folder synced once for all files of a batch; only
/// then is the attempt told that it was delivered. A file of the same send is replaced: it is the same message.
final class Outbox {
  private var begun: [Job] = []
  private var completed: [Job] = []
  private var usable: Set<String> = []

  func begin(_ job: Job) { begun.append(job) }
  func complete(_ job: Job) { completed.append(job) }
  func drop(_ condition: (Job) -> Bool) {
    begun.removeAll(where: condition)
    completed.removeAll(where: condition)
  }

  /// Does all that there is to do.
  func flush(_ tell: (TransportEvent) -> Void) {
    if !begun.isEmpty { prepare(tell) }
    if !completed.isEmpty { store(tell) }
  }

  private func prepare(_ tell: (TransportEvent) -> Void) {
    let jobs = begun
    begun.removeAll(keepingCapacity: true)
    var failed: [(login: String, text: String)] = []
    var returned: [String: [Int]] = [:]
    for job in jobs {
      let login = job.attempt.endpoint.login
      guard let directory = Self.directory(job) else { continue }
      if returned[login] == nil, let text = makeUsable(directory) {
        failed.append((login, text))
        returned[login] = []
      }
      if returned[login] != nil {
        returned[login]?.append(job.attempt.handle)
      } else {
        tell(.ready(handle: job.attempt.handle))
      }
    }
    for (login, text) in failed {
      tell(
        .unavailable(
          login: login, Unavailability(cause: .connection, text: text), returned: returned[login] ?? []))
    }
  }

  /// What is wrong with a folder; nil if files can be written to it.
  private func makeUsable(_ directory: String) -> String? {
    if usable.contains(directory) { return nil }
    if let code = Self.makeDirectory(directory) {
      return "the folder \(directory) cannot be made: \(SystemCalls.words(code))"
    }
    guard access(directory, W_OK | X_OK) == 0 else {
      return "the folder \(directory) cannot be written to: \(SystemCalls.words(errno))"
    }
    usable.insert(directory)
    return nil
  }

  private func store(_ tell: (TransportEvent) -> Void) {
    let jobs = completed
    completed.removeAll(keepingCapacity: true)
    var stored: [(job: Job, name: String, directory: String)] = []
    for job in jobs {
      guard let directory = Self.directory(job) else { continue }
      let name = job.attempt.sendID.text + (job.attempt.channel == .sms ? ".txt" : ".eml")
      var code = Self.write(job.attempt.message, name: name, directory: directory)
      if code == ENOENT {
        // The folder was taken away meanwhile.
        usable.remove(directory)
        code = Self.makeDirectory(directory) ?? Self.write(job.attempt.message, name: name, directory: directory)
      }
      if let code {
        usable.remove(directory)
        tell(
          Self.end(job, .connectionLost, "\(name) could not be written: \(SystemCalls.words(code))", completed: false))
      } else {
        stored.append((job, name, directory))
      }
    }
    var problems: [String: Int32] = [:]
    for directory in Set(stored.map(\.directory)) { problems[directory] = Self.syncDirectory(directory) }
    for (job, name, directory) in stored {
      if let code = problems[directory] {
        let text = "\(name) was written, but its folder could not be synced: \(SystemCalls.words(code))"
        tell(Self.end(job, .connectionLost, text, completed: true))
      } else {
        tell(Self.end(job, .reply(code: 250), "stored as \(name)", completed: true))
      }
    }
  }

  private static func directory(_ job: Job) -> String? {
    guard case .file(let directory) = job.attempt.endpoint.kind else { return nil }
    return directory
  }

  private static func end(_ job: Job, _ ending: Reply.Ending, _ text: String, completed: Bool) -> TransportEvent {
    .finished(
      handle: job.attempt.handle,
      Reply(
        stage: .message, ending: ending, text: ReplyText.printable(text.utf8, limit: 500), completed: completed))
  }

  // MARK: Files. Each gives the errno of what failed.

  private static func write(_ message: [UInt8], name: String, directory: String) -> Int32? {
    let temporary = "\(directory)/.\(name).\(getpid()).tmp"
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { return errno }
    var problem: Int32?
    var start = 0
    while start < message.count, problem == nil {
      let count = message.withUnsafeBytes { bytes in
        SystemCalls.write(file, bytes, from: start)
      }
      if count > 0 { start += count } else if count < 0, errno != EINTR { problem = errno }
    }
    if problem == nil, fsync(file) != 0 { problem = errno }
    if close(file) != 0, problem == nil { problem = errno }
    if problem == nil, rename(temporary, "\(directory)/\(name)") != 0 { problem = errno }
    if problem != nil { unlink(temporary) }
    return problem
  }

  /// With its parents, mode 0700: messages are personal data.
  private static func makeDirectory(_ path: String) -> Int32? {
    if mkdir(path, 0o700) == 0 { return nil }
    let code = errno
    if code == EEXIST { return isDirectory(path) ? nil : ENOTDIR }
    guard code == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return code }
    if let code = makeDirectory(String(path[..<slash])) { return code }
    return mkdir(path, 0o700) == 0 || errno == EEXIST ? nil : errno
  }

  private static func isDirectory(_ path: String) -> Bool {
    var info = stat()
    return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
  }

  private static func syncDirectory(_ path: String) -> Int32? {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return errno }
    defer { close(folder) }
    return fsync(folder) == 0 ? nil : errno
  }
}
