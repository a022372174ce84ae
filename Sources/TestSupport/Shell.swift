import Foundation

/// Runs programs for tests.
public enum Shell {
  public struct Output: Sendable {
    public var status: Int32
    public var out: String
    public var error: String
  }

  public struct TimedOut: Error { public var program: String }

  /// Where a program is: an absolute path as it stands, a name searched for in PATH and the system's own folders.
  public static func find(_ program: String) -> String? {
    if program.contains("/") { return FileManager.default.isExecutableFile(atPath: program) ? program : nil }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return (path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/bin", "/sbin", "/bin"])
      .map { "\($0)/\(program)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Runs a program to its end. Output goes through files, so that any amount of it is fine.
  /// - Parameters:
  ///   - environment: in place of this process's.
  ///   - limit: seconds; then the program is killed and `TimedOut` thrown.
  @discardableResult
  public static func run(
    _ program: String, _ arguments: [String] = [], folder: String? = nil, environment: [String: String]? = nil,
    limit: Double = 60
  ) throws -> Output {
    let files = try TemporaryFolder(["out": "", "error": ""])
    let running = try RunningProgram(
      program, arguments, folder: folder, environment: environment, files: files)
    guard let status = running.wait(seconds: limit) else {
      running.stop()
      throw TimedOut(program: program)
    }
    return Output(status: status, out: try files.read("out"), error: try files.read("error"))
  }
}

/// A program in the background, ended with this object.
public final class RunningProgram: @unchecked Sendable {
  // Unchecked: `process` is set up before anything else sees this object, and the calls made on it afterwards
  // (isRunning, terminate, processIdentifier) may come from any thread.
  private let process = Process()
  private let ended = DispatchSemaphore(value: 0)
  private let files: TemporaryFolder

  public init(
    _ program: String, _ arguments: [String] = [], folder: String? = nil, environment: [String: String]? = nil,
    files: TemporaryFolder? = nil
  ) throws {
    guard let path = Shell.find(program) else { throw CocoaError(.fileNoSuchFile) }
    self.files = try files ?? TemporaryFolder(["out": "", "error": ""])
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    if let folder { process.currentDirectoryURL = URL(filePath: folder) }
    if let environment { process.environment = environment }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: self.files.file("out"))
    process.standardError = FileHandle(forWritingAtPath: self.files.file("error"))
    let ended = ended
    process.terminationHandler = { _ in ended.signal() }
    try process.run()
  }

  deinit { stop() }

  public var processIdentifier: Int32 { process.processIdentifier }
  public var isRunning: Bool { process.isRunning }
  /// What it has printed so far.
  public var output: String { ((try? files.read("out")) ?? "") + ((try? files.read("error")) ?? "") }

  /// The exit status, or the signal's number if one ended it; nil if it still runs after so long.
  public func wait(seconds: Double) -> Int32? {
    guard ended.wait(timeout: .now() + seconds) == .success else { return nil }
    ended.signal()
    return process.terminationStatus
  }

  /// Kills it.
  public func stop() {
    guard process.isRunning else { return }
    kill(process.processIdentifier, SIGKILL)
    _ = wait(seconds: 5)
  }
}
