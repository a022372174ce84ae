import Model

/// The name of a history, in `data/history.id` (committed) and in its twin in the output: where they part, the output
/// is not the one that the project has been sending with, and planning on it would mail everybody again (DESIGN §4.12).
public enum HistoryIdentity: Hashable, Sendable {
  /// Nothing was ever sent for real.
  case none
  /// Both are there and the same.
  case matches(id: String)
  /// Only the output has it: `establish` writes the project's file again.
  case unrecorded(id: String)
  /// The project's history is not in this output; the text says what to do.
  case lost(reason: String)

  static func dataPath(_ project: String) -> String { project + "/data/history.id" }

  /// Compares the two files.
  /// - Parameter project: the project's folder.
  public static func check(project: String, output: OutputFolder) throws(JournalProblem) -> HistoryIdentity {
    let ours = try read(dataPath(project))
    let twin = try read(output.historyIDPath)
    switch (ours, twin) {
    case (nil, nil): return .none
    case (nil, let twin?): return .unrecorded(id: twin)
    case (let ours?, nil):
      return .lost(
        reason: "data/history.id names the history \(ours.prefix(8))…, which is not in \(output.path): restore that "
          + "folder, point to it with --output, or begin anew with --new-history (everybody may be mailed again)")
    case (let ours?, let twin?) where ours == twin: return .matches(id: ours)
    case (let ours?, let twin?):
      return .lost(
        reason: "data/history.id names the history \(ours.prefix(8))…, but \(output.path) holds \(twin.prefix(8))…: "
          + "point to the right one with --output, or begin anew with --new-history (everybody may be mailed again)")
    }
  }

  /// Before the first real send: gives the history a name, or writes again what is missing. The twin comes first: a
  /// crash in between leaves `unrecorded`, which the next send mends, never `lost`.
  /// - Throws: `.malformed` if the history is lost; `check` first.
  @discardableResult
  public static func establish(project: String, output: OutputFolder) throws(JournalProblem) -> String {
    switch try check(project: project, output: output) {
    case .matches(let id): return id
    case .unrecorded(let id):
      try write(id, to: dataPath(project), mode: 0o644)
      return id
    case .none: return try renew(project: project, output: output)
    case .lost(let reason): throw .malformed(path: dataPath(project), line: 0, message: reason)
    }
  }

  /// Gives the history a new name, whatever there was (`--new-history`).
  @discardableResult
  public static func renew(project: String, output: OutputFolder) throws(JournalProblem) -> String {
    let halves = (UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max))
    let id = Hex.encode(withUnsafeBytes(of: halves) { Array($0) })
    try FileSystem.createFolder(output.historyPath)
    try write(id, to: output.historyIDPath, mode: 0o600)
    try write(id, to: dataPath(project), mode: 0o644)
    return id
  }

  private static let prefix = "nightmail-history 1 "

  private static func write(_ id: String, to path: String, mode: UInt32) throws(JournalProblem) {
    try FileSystem.createFolder(FileSystem.folder(of: path))
    try AtomicFile.write(Array((prefix + id + "\n").utf8), to: path, mode: mode)
  }

  private static func read(_ path: String) throws(JournalProblem) -> String? {
    guard let bytes = try AtomicFile.read(path) else { return nil }
    let text = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
    guard text.count == 1, let line = text.first, line.hasPrefix(prefix), isID(line.dropFirst(prefix.count))
    else {
      throw .malformed(
        path: path, line: 1, message: "must be one line, 'nightmail-history 1' and 32 hex digits; restore it")
    }
    return String(line.dropFirst(prefix.count))
  }

  private static func isID(_ text: Substring) -> Bool {
    text.utf8.count == 32 && text.utf8.allSatisfy { ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66) }
  }
}
