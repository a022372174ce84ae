import Delivery
import Model

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The file provider: each message becomes `<directory>/<send id>.eml`, or `.txt` for SMS; or a file in the `new` of a
/// Maildir (https://cr.yp.to/proto/maildir.html), which mail programs read.
///
/// A file is written beside its place, synced and renamed, and its folder synced once for all files of a batch; only
/// then is the attempt told that it was delivered. An `.eml` file of the same send is replaced: it is the same message. In
/// a Maildir every name is new, since a mail program may have taken the file away.
final class Outbox {
  private var begun: [Job] = []
  private var completed: [Job] = []
  private var usable: Set<String> = []
  /// Names in a Maildir differ by it within a process.
  private var delivered = 0

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
      guard let place = Place(job) else { continue }
      if returned[login] == nil, let text = place.folders.lazy.compactMap({ self.makeUsable($0) }).first {
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
      guard let place = Place(job) else { continue }
      delivered += 1
      let (name, directory) = (place.name(job, number: delivered), place.target)
      let temporary = place.temporary(name)
      func write() -> Int32? { Self.write(job.attempt.message, to: "\(directory)/\(name)", by: temporary) }
      var code = write()
      if code == ENOENT {
        // The folder was taken away meanwhile.
        usable.subtract(place.folders)
        code = place.folders.lazy.compactMap { Self.makeDirectory($0) }.first ?? write()
      }
      if let code {
        usable.subtract(place.folders)
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

  /// Where a provider's files go.
  private struct Place {
    let directory: String
    let format: Provider.FileFormat

    init?(_ job: Job) {
      guard case .file(let directory, let format) = job.attempt.endpoint.kind else { return nil }
      self.directory = directory
      self.format = format
    }

    /// Every folder that there must be. A Maildir without `cur` is none to a mail program.
    var folders: [String] {
      format == .eml ? [directory] : ["tmp", "new", "cur"].map { "\(directory)/\($0)" }
    }
    /// The folder that the file is in when it is there.
    var target: String { format == .eml ? directory : "\(directory)/new" }

    /// In a Maildir: the time in seconds, what is unique on this machine, and the machine.
    func name(_ job: Job, number: Int) -> String {
      let id = job.attempt.sendID.text
      guard format == .maildir else { return id + (job.attempt.channel == .sms ? ".txt" : ".eml") }
      var now = timespec()
      clock_gettime(CLOCK_REALTIME, &now)
      return "\(now.tv_sec).M\(now.tv_nsec / 1000)P\(getpid())Q\(number)_\(id).\(SystemCalls.hostName)"
    }

    func temporary(_ name: String) -> String {
      format == .eml ? "\(directory)/.\(name).\(getpid()).tmp" : "\(directory)/tmp/\(name)"
    }
  }

  private static func end(_ job: Job, _ ending: Reply.Ending, _ text: String, completed: Bool) -> TransportEvent {
    .finished(
      handle: job.attempt.handle,
      Reply(
        stage: .message, ending: ending, text: ReplyText.printable(text.utf8, limit: 500), completed: completed))
  }

  // MARK: Files. Each gives the errno of what failed.

  private static func write(_ message: [UInt8], to path: String, by temporary: String) -> Int32? {
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
    if problem == nil, rename(temporary, path) != 0 { problem = errno }
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
