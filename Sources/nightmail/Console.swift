import Foundation
import Logging
import Model

/// Results go to stdout, everything else to stderr: the log (`Log`), and in plain words the error that ends a command.
enum Console {
  static func out(_ text: String) {
    FileHandle.standardOutput.write(Data((text.hasSuffix("\n") ? text : text + "\n").utf8))
  }
  static func out(_ json: JSON) { out(json.text) }
  static func write(_ bytes: [UInt8]) { FileHandle.standardOutput.write(Data(bytes)) }
  static func error(_ text: String) {
    let text = text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text
    FileHandle.standardError.write(Data("nightmail: \(text)\n".utf8))
    LogFile.note(error: text)
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

  /// The log of a command; see `Log`.
  static func logger(_ options: GlobalOptions) -> Logger {
    let file = options.logFile.flatMap { path in
      LogFile.current.withLock { current in
        // The options' check has opened it; a command that opens several workspaces has one file.
        if current?.path != GlobalOptions.absolute(path) { current = try? LogFile(GlobalOptions.absolute(path)) }
        return current
      }
    }
    let level: Logger.Level = options.verbose ? .debug : options.quiet ? .error : .notice
    return Logger(label: "nightmail") { _ in
      Log(level: level, isTerminal: hasTerminalErrors, isMasked: !options.verbose, file: file)
    }
  }
}
