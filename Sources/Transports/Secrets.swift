import Model
import Subprocess

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif
#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// Fetches secrets from where their references point. What it says of a failure never holds what it read.
enum Secrets {
  typealias Fetched = Swift.Result<Secret, Endpoints.Problem>
  /// Tokens run to a few KB; more is the wrong file or program.
  static let limit = 64 * 1024
  /// So many programs at a time.
  private static let width = 8

  /// Each distinct reference once.
  /// - Parameter commandLimit: how long a program may take, 30 s.
  static func fetch(
    _ references: Set<SecretReference>, folder: String, environment: [String: String],
    commandLimit: Duration = .seconds(30)
  ) async -> [SecretReference: Fetched] {
    await withTaskGroup(of: (SecretReference, Fetched).self) { group in
      var results: [SecretReference: Fetched] = [:]
      var running = 0
      for reference in references {
        if running == width, let (done, result) = await group.next() {
          results[done] = result
          running -= 1
        }
        running += 1
        group.addTask {
          do throws(Endpoints.Problem) {
            let value = try await value(
              of: reference, folder: folder, environment: environment, commandLimit: commandLimit)
            return (reference, .success(Secret(try check(value, of: reference))))
          } catch {
            return (reference, .failure(error))
          }
        }
      }
      for await (done, result) in group { results[done] = result }
      return results
    }
  }

  /// What fetches a secret anew; nil for one that stays what it is as long as this process lives.
  static func renewal(
    of reference: SecretReference, folder: String, environment: [String: String]
  ) -> (@Sendable () async throws -> Secret)? {
    if case .environment = reference { return nil }
    return {
      let fetched = await fetch([reference], folder: folder, environment: environment)
      return try (fetched[reference] ?? .failure(Endpoints.Problem("the secret was not fetched"))).get()
    }
  }

  private static func value(
    of reference: SecretReference, folder: String, environment: [String: String], commandLimit: Duration
  ) async throws(Endpoints.Problem) -> String {
    switch reference {
    case .environment(let name):
      guard let value = environment[name] else {
        throw Endpoints.Problem("the environment variable \(name) is not set")
      }
      return value
    case .file(let path): return try file(Placeholders.absolute(path, in: folder), shown: path)
    case .command(let words):
      return try await command(words, folder: folder, environment: environment, limit: commandLimit)
    }
  }

  /// Less the final line break; not empty, and nothing in it that would break the login's lines.
  private static func check(_ value: String, of reference: SecretReference) throws(Endpoints.Problem) -> String {
    var bytes = Array(value.utf8)
    if bytes.last == 0x0A { bytes.removeLast() }
    if bytes.last == 0x0D { bytes.removeLast() }
    let source: String
    switch reference {
    case .environment(let name): source = "the environment variable \(name)"
    case .file(let path): source = "the file \(path)"
    case .command(let words): source = "the command \(words.first ?? "")"
    }
    guard !bytes.isEmpty else { throw Endpoints.Problem("\(source) gives an empty secret") }
    guard !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
      throw Endpoints.Problem("\(source) gives a secret with line breaks or control characters in it")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func file(_ path: String, shown: String) throws(Endpoints.Problem) -> String {
    // Without O_NONBLOCK a pipe that nobody writes to would hold up everything.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      throw Endpoints.Problem("the file \(shown) cannot be read: \(SystemCalls.words(errno))")
    }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: limit + 1)
    var count = 0
    while count < bytes.count {
      let start = count
      let got = bytes.withUnsafeMutableBytes { bytes -> Int in
        guard let base = bytes.baseAddress else { return 0 }
        return read(file, base + start, bytes.count - start)
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else {
        throw Endpoints.Problem("the file \(shown) cannot be read: \(SystemCalls.words(errno))")
      }
      if got == 0 { break }
      count += got
    }
    guard count <= limit else { throw Endpoints.Problem("the file \(shown) is larger than a secret can be") }
    guard let text = String(validating: bytes[..<count], as: UTF8.self) else {
      throw Endpoints.Problem("the file \(shown) is not UTF-8")
    }
    return text
  }

  private static func command(
    _ words: [String], folder: String, environment: [String: String], limit: Duration
  ) async throws(Endpoints.Problem) -> String {
    guard let program = words.first, !program.isEmpty else { throw Endpoints.Problem("the secret's command is empty") }
    let outcome = await withTaskGroup(of: Swift.Result<String, Endpoints.Problem>?.self) { group in
      group.addTask { await run(words, folder: folder, environment: environment) }
      group.addTask {
        try? await Task.sleep(for: limit)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
    guard let outcome else {
      throw Endpoints.Problem("the command \(program) took longer than \(limit.components.seconds) s")
    }
    return try outcome.get()
  }

  private static func run(
    _ words: [String], folder: String, environment: [String: String]
  ) async -> Swift.Result<String, Endpoints.Problem> {
    let program = words[0]
    var options = PlatformOptions()
    // A group of its own, so that what it started ends with it and lets go of the pipe.
    options.processGroupID = 0
    options.teardownSequence = [
      .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .milliseconds(100))
    ]
    let executable: Executable =
      program.contains("/")
      ? .path(FilePath(Placeholders.absolute(program, in: folder))) : .name(program)
    do {
      let result = try await Subprocess.run(
        executable, arguments: Arguments(Array(words.dropFirst())),
        environment: .custom(
          Dictionary(
            uniqueKeysWithValues: environment.compactMap { key, value in
              Environment.Key(rawValue: key).map { ($0, value) }
            })),
        workingDirectory: FilePath(folder), platformOptions: options, output: .string(limit: Self.limit),
        error: .discarded)
      guard result.terminationStatus.isSuccess else {
        return .failure(
          Endpoints.Problem("the command \(program) failed (\(result.terminationStatus)); run it by hand to see why"))
      }
      return .success(result.standardOutput)
    } catch let error as SubprocessError {
      switch error.code {
      case .outputLimitExceeded:
        return .failure(Endpoints.Problem("the command \(program) printed more than a secret can have"))
      case .executableNotFound:
        return .failure(Endpoints.Problem("the command \(program) was not found"))
      default:
        return .failure(Endpoints.Problem("the command \(program) could not be run"))
      }
    } catch {
      return .failure(Endpoints.Problem("the command \(program) could not be run"))
    }
  }
}
