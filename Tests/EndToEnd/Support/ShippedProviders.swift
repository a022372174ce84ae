import Foundation
import TestSupport
import Testing

extension ShippedProject {
  /// The shipped `data/providers.yaml` after what its comments say: the entries of these providers are the real ones that
  /// stand below them, the others stay folders of files.
  /// - Parameter changes: in the text of the real entries: hosts of this machine in place of the services' own.
  static func providers(real ids: [String], _ changes: [(String, String)] = []) throws -> String {
    var blocks = try text("data/providers.yaml").components(separatedBy: "\n\n")
    for id in ids {
      let mark = "- {id: \(id), type: file}\n"
      let place = try #require(blocks.firstIndex { $0.contains(mark) }, "no entry of '\(id)'")
      let comment = try #require(blocks[place].components(separatedBy: mark).last)
      var entry = comment.split(separator: "\n").map { $0.hasPrefix("# ") ? String($0.dropFirst(2)) : String($0) }
        .joined(separator: "\n")
      for (old, new) in changes { entry = entry.replacing(old, with: new) }
      blocks[place] = entry
    }
    return blocks.joined(separator: "\n\n") + "\n"
  }

  /// These campaigns' files as drafts, which are not planned.
  static func drafts(_ ids: [String]) throws -> [String: String] {
    var files: [String: String] = [:]
    for id in ids {
      let path = "campaigns/\(id)/campaign.yaml"
      files[path] = try text(path).replacing("status: active", with: "status: draft")
    }
    return files
  }
}
