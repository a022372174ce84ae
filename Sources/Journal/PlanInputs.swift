import Model

/// The files that a plan was made from, as it keeps them under `inputs/` (DESIGN §2), so that it can be looked at after
/// they have changed.
public struct PlanInputs: Sendable {
  /// Absolute paths of the copies, by the files' paths in the project.
  public let copies: [String: String]
  /// Copies that are there and are not what they were: somebody edited them.
  public let damaged: [String]

  /// Looks for a plan's copies beside it, and in its day's folder.
  /// - Throws: where a copy cannot be read.
  public static func of(
    _ header: PlanHeader, at path: String, in day: DayFolder
  ) throws(JournalProblem) -> PlanInputs {
    var copies: [String: String] = [:]
    var damaged: [String] = []
    let beside = DayFolder(date: header.date, path: FileSystem.folder(of: path))
    for (file, digest) in header.inputs.sorted(by: { $0.key < $1.key }) {
      for folder in beside == day ? [day] : [beside, day] {
        guard let copy = folder.inputPath(digest: digest), FileSystem.exists(copy) else { continue }
        guard try AtomicFile.digest(of: copy) == digest else {
          damaged.append(file)
          continue
        }
        copies[file] = copy
        break
      }
    }
    return PlanInputs(copies: copies, damaged: damaged.filter { copies[$0] == nil })
  }

  /// The bytes of a file as the plan had it; nil where no copy was kept.
  public func bytes(of file: String) throws(JournalProblem) -> [UInt8]? {
    guard let copy = copies[file] else { return nil }
    return try AtomicFile.read(copy)
  }
}
