import Foundation
import Logging
import Model

/// Results go to stdout, everything else to stderr.
enum Console {
  static func out(_ text: String) {
    FileHandle.standardOutput.write(Data((text.hasSuffix("\n") ? text : text + "\n").utf8))
  }
  static func out(_ json: JSON) { out(json.text) }
  static func write(_ bytes: [UInt8]) { FileHandle.standardOutput.write(Data(bytes)) }
  static func error(_ text: String) {
    let text = text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text
    FileHandle.standardError.write(Data("nightmail: \(text)\n".utf8))
  }

  static var hasTerminalErrors: Bool { isatty(STDERR_FILENO) == 1 }
  static var hasTerminalInput: Bool { isatty(STDIN_FILENO) == 1 }

  /// The terminal's width in characters; 80 where it is not known.
  static var width: Int {
    var size = winsize()
    return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  /// How wide tables may be: the terminal's width where they are read on one; nil where a program reads them.
  static var tableWidth: Int? {
    var size = winsize()
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  /// The log, on stderr: `nightmail: warning: …`.
  static func logger(_ options: GlobalOptions) -> Logger {
    var logger = Logger(label: "nightmail") { _ in LineLog() }
    logger.logLevel = options.verbose ? .debug : options.quiet ? .error : .notice
    return logger
  }
}

/// One line a message. Time and place are left out: whoever reads it at a terminal knows both, and cron and systemd
/// write the time themselves.
private struct LineLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .notice

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let level = event.level >= .warning ? "\(event.level): " : ""
    // A progress bar may stand on the line.
    let clear = Console.hasTerminalErrors ? "\r\u{1B}[K" : ""
    FileHandle.standardError.write(Data("\(clear)nightmail: \(level)\(event.message)\n".utf8))
  }
}
