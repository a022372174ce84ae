import Foundation

/// A folder of its own under the system's temporary one, removed with this object: a whole project in a test.
public final class TemporaryFolder: Sendable {
  public let path: String

  /// - Parameter files: paths relative to the folder, and their contents.
  public init(_ files: [String: String] = [:]) throws {
    path = FileManager.default.temporaryDirectory.appending(path: "nightmail-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (file, content) in files { try write(content, to: file) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The absolute path of a file here.
  public func file(_ relative: String) -> String { "\(path)/\(relative)" }

  /// Writes a file, making the folders above it.
  public func write(_ content: String, to relative: String) throws {
    let target = URL(filePath: file(relative))
    try FileManager.default.createDirectory(
      at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(content.utf8).write(to: target)
  }

  public func read(_ relative: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: file(relative))), as: UTF8.self)
  }

  public func exists(_ relative: String) -> Bool { FileManager.default.fileExists(atPath: file(relative)) }

  /// The names directly in a folder here, sorted; those that begin with a dot too.
  public func list(_ relative: String = "") -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: file(relative))) ?? []).sorted()
  }
}
