import Foundation
import Logging
import Model
import Synchronization

/// The log: a line a message for people on a terminal (`nightmail: warning: …`), JSON lines for anything else that
/// reads stderr, and JSON lines in the file that `--log-file` names. Addresses are masked unless `--verbose` was asked for.
struct Log: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level
  private let isTerminal: Bool
  private let isMasked: Bool
  private let terminalLevel: Logger.Level
  private let file: LogFile?

  /// - Parameters:
  ///   - level: what stderr is told. The file is told of every attempt besides.
  init(level: Logger.Level, isTerminal: Bool, isMasked: Bool, file: LogFile?) {
    terminalLevel = level
    logLevel = file == nil ? level : min(level, .info)
    self.isTerminal = isTerminal
    self.isMasked = isMasked
    self.file = file
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let text = isMasked ? AddressMasking.masked("\(event.message)") : "\(event.message)"
    let extra = metadata.merging(event.metadata ?? [:], uniquingKeysWith: { $1 })
    let line = JSON.members(
      ("time", .string(Zone.utc.format(Workspace.now()))), ("level", .string(event.level.rawValue)),
      ("message", .string(text)))
    var members = line.object ?? []
    for (key, value) in extra.sorted(by: { $0.key < $1.key }) {
      members.append(JSON.Member(key, .string(isMasked ? AddressMasking.masked("\(value)") : "\(value)")))
    }
    let json = JSON.object(members).text + "\n"
    file?.write(json)
    guard event.level >= terminalLevel else { return }
    guard isTerminal else { return FileHandle.standardError.write(Data(json.utf8)) }
    let level = event.level >= .warning ? "\(event.level): " : ""
    // A progress bar may stand on the line. Time and ids are left out: who reads it at a terminal knows the first, and
    // the second are in the text where they matter.
    FileHandle.standardError.write(Data("\r\u{1B}[Knightmail: \(level)\(text)\n".utf8))
  }
}

/// The file of `--log-file`: appended to, a line a call, so that several commands may write to one; made 0600, since
/// `--verbose` writes addresses.
final class LogFile: Sendable {
  let path: String
  private let descriptor: Int32
  private let hasFailed = Mutex(false)

  /// Where errors that end a command are written too.
  static let current = Mutex<LogFile?>(nil)

  init(_ path: String) throws(Failure) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw Failure(.failed, "--log-file \(path) cannot be opened: \(String(cString: strerror(errno)))")
    }
  }

  deinit { close(descriptor) }

  func write(_ line: String) {
    let bytes = Array(line.utf8)
    let isWritten = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) == $0.count }
    guard !isWritten else { return }
    let reason = String(cString: strerror(errno))
    // A log that cannot be written stops no mail; it is said once.
    let isFirst = hasFailed.withLock { failed in
      defer { failed = true }
      return !failed
    }
    if isFirst {
      FileHandle.standardError.write(
        Data("nightmail: \(path) cannot be written: \(reason); going on without it\n".utf8))
    }
  }

  /// An error that ends the command, for whoever reads the file alone.
  static func note(error text: String) {
    current.withLock { $0 }?.write(
      JSON.members(
        ("time", .string(Zone.utc.format(Workspace.now()))), ("level", .string("error")),
        ("message", .string(AddressMasking.masked(text)))
      ).text + "\n")
  }
}
