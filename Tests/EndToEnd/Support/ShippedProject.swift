import Foundation
import TestSupport

/// The project at the top of the repository, in a copy.
enum ShippedProject {
  static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// - Parameter changes: files that stand in place of the shipped ones, or beside them.
  static func copy(_ changes: [String: String] = [:]) throws -> TestProject {
    let project = try TestProject([:])
    for folder in ["campaigns", "data"] {
      try FileManager.default.copyItem(
        at: repository.appending(path: folder), to: URL(filePath: project.folder.file(folder)))
    }
    for (path, text) in changes { try project.folder.write(text, to: path) }
    return project
  }

  /// A shipped file's text.
  static func text(_ path: String) throws -> String {
    try String(contentsOf: repository.appending(path: path), encoding: .utf8)
  }
}
