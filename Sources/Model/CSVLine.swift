/// A line of CSV as RFC 4180 has it, with its line break.
public enum CSVLine {
  /// Quotes a field where any reader's idea of a delimiter could differ from ours, and where spaces could be lost.
  public static func text(_ fields: [String], delimiter: String = ",", newline: String = "\n") -> String {
    fields.map { field in
      let needsQuotes =
        field.utf8.contains { [0x22, 0x2C, 0x3B, 0x09, 0x0A, 0x0D].contains($0) } || field.hasPrefix(" ")
        || field.hasSuffix(" ")
      return needsQuotes ? "\"" + field.replacing("\"", with: "\"\"") + "\"" : field
    }.joined(separator: delimiter) + newline
  }
}
