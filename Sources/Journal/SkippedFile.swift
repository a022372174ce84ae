import Model

/// `skipped.jsonl`: a header, then one object for each due step that is not planned.
public enum SkippedFile {
  private static let block = 2048

  /// Writes the file beside its place, piece by piece: there may be as many steps as contacts.
  static func write(_ skipped: [SkippedStep], path: String) throws(JournalProblem) -> AtomicFileWriter {
    let file = try AtomicFileWriter(path: path)
    try file.write(Array("{\"nightmail_skipped\":1}\n".utf8))
    var out = LineBuffer()
    for start in stride(from: 0, to: skipped.count, by: block) {
      out.removeAll()
      for step in skipped[start..<min(skipped.count, start + block)] { encode(step, to: &out) }
      try file.put(out.bytes, at: try file.place(out.count))
    }
    return file
  }

  private static func encode(_ step: SkippedStep, to out: inout LineBuffer) {
    out.text("{\"contact\":")
    out.string(step.contact)
    out.text(",\"campaign\":")
    out.string(step.campaign)
    out.text(",\"step\":")
    out.string(step.step)
    out.text(",\"reason\":")
    out.string(step.reason.rawValue)
    out.text(",\"detail\":")
    out.string(step.detail)
    if let key = step.key {
      out.text(",\"key\":")
      out.string(key)
    }
    out.text("}\n")
  }

  /// Reads the file; nothing if there is none.
  public static func read(_ path: String) throws(JournalProblem) -> [SkippedStep] {
    var steps: [SkippedStep] = []
    try forEach(path) { steps.append($0) }
    return steps
  }

  /// Hands each step to `body` as it is read; none if there is no file.
  public static func forEach(_ path: String, _ body: (SkippedStep) -> Void) throws(JournalProblem) {
    var reader: LineReader
    do { reader = try LineReader(path) } catch .missing { return }
    while let line = try reader.next() {
      let json: JSON
      do { json = try line.json() } catch {
        throw .malformed(path: path, line: line.number, message: error.message)
      }
      if line.number == 1 {
        try FormatVersion.check(json, key: "nightmail_skipped", path: path)
        continue
      }
      do {
        let fields = try Fields(
          json, ["contact", "campaign", "step", "reason", "detail", "key"], what: "a skipped step")
        body(
          SkippedStep(
            contact: try fields.string("contact"), campaign: try fields.string("campaign"),
            step: try fields.string("step"), reason: try fields.word("reason", SkipReason.self),
            detail: try fields.string("detail"), key: try fields.optionalString("key")))
      } catch {
        throw .malformed(path: path, line: line.number, message: error.message)
      }
    }
  }
}
