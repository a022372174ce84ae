import Foundation
import TestSupport

/// What the figures were measured on.
enum Machine {
  /// Processor, cores, file system and room; what this program has had of memory.
  static func description(_ folder: String) -> String {
    let cpu = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n")
      .first { $0.hasPrefix("model name") }?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces)
    let kind = Shell.find("stat").flatMap { try? Shell.run($0, ["-f", "-c", "%T", folder]).out }?
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let free = free(folder).map { "\($0 >> 30) GiB free" } ?? ""
    return "\(ProcessInfo.processInfo.activeProcessorCount) cores, \(cpu ?? "unknown processor"); files on"
      + " \(kind ?? "an unknown file system") with \(free), inputs in the page cache, outputs removed before each run;"
      + " no peak below \(Benchmarks.fixed(Program.ownPeak, 0)) MiB can be told"
  }

  /// Whether so many bytes fit where temporary files go; says so if not.
  static func hasRoom(_ bytes: Int) -> Bool {
    let folder = FileManager.default.temporaryDirectory.path
    guard let free = free(folder), free < bytes else { return true }
    print(
      "\nplan: needs \(bytes >> 30) GiB in \(folder), which has \(free >> 30): set TMPDIR, or ask for fewer contacts")
    return false
  }

  private static func free(_ folder: String) -> Int? {
    (try? FileManager.default.attributesOfFileSystem(forPath: folder))?[.systemFreeSize].flatMap { $0 as? Int }
  }
}

/// The peer, a Python script that stands beside this file.
struct DuckDB {
  private let python: String
  private let script: String

  static func find(_ source: String = #filePath) -> DuckDB? {
    let script = URL(fileURLWithPath: source).deletingLastPathComponent().appendingPathComponent("duckdb_peer.py").path
    guard let python = Shell.find("python3"), FileManager.default.fileExists(atPath: script),
      let check = try? Shell.run(python, ["-c", "import duckdb"]), check.status == 0
    else { return nil }
    return DuckDB(python: python, script: script)
  }

  func program(_ arguments: [String]) -> Program { Program(path: python, arguments: [script] + arguments) }

  /// The median of what its runs say that their query took.
  static func seconds(_ score: Contest.Score) -> Double {
    Benchmarks.median(score.outputs.compactMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) })
  }
}
