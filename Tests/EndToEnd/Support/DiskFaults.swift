import Foundation
import TestSupport

/// Has the program's disk fail, or kills it, at a call that changes a file: `Faults/disk_faults.c`, loaded into it.
enum DiskFaults {
  enum Kind: Sendable, Hashable, CustomStringConvertible {
    case killBefore, killAmid, killAfter
    /// That call and all that follow fail with this errno.
    case fails(Int32)

    var description: String {
      switch self {
      case .killBefore: "kill-before"
      case .killAmid: "kill-amid"
      case .killAfter: "kill-after"
      case .fails(let code): "\(code)"
      }
    }
  }

  static let needs: String = "needs Linux, and clang or cc to build a library that is loaded into the program"
  static var isThere: Bool { library != nil }

  private static let folder = try? TemporaryFolder()

  /// Built once in each run of the tests.
  private static let library: String? = {
    #if os(Linux)
      guard let folder, let compiler = Shell.find("clang") ?? Shell.find("cc") else { return nil }
      let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Faults/disk_faults.c").path
      let target = folder.file("disk_faults.so")
      let built = try? Shell.run(compiler, ["-shared", "-fPIC", "-o", target, source, "-lpthread"])
      return built?.status == 0 ? target : nil
    #else
      return nil
    #endif
  }()

  /// What the program must see for its `at`-th call on files of the project to go wrong.
  /// - Parameters:
  ///   - calls: counts these alone: `open`, `write`, `sync`, `truncate`, `rename`. Empty: all.
  ///   - log: where each call is written down.
  static func environment(
    _ kind: Kind, at: Int, calls: [String] = [], in project: TestProject, log: String
  ) -> [String: String] {
    [
      "LD_PRELOAD": library ?? "", "FAULT_FOLDER": project.path + "/", "FAULT_AT": "\(at)",
      "FAULT_KIND": "\(kind)", "FAULT_CALLS": calls.map { $0 + "," }.joined(), "FAULT_LOG": log,
    ]
  }

  /// By a log of one run from the file's beginning: how much of it was written before its last good sync.
  static func sizeOnDisk(of file: String, log: String) -> Int {
    var (written, synced) = (0, 0)
    for line in ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 3).map(String.init)
      guard words.count == 4, words[3] == file, let result = Int(words[2]) else { continue }
      if words[1] == "write", result > 0 { written += result }
      if words[1] == "sync", result == 0 { synced = written }
    }
    return synced
  }
}
