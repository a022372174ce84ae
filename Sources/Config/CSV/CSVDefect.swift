/// Why a record cannot be used. The reader goes on with the next one, except after `recordTooLong`.
public enum CSVDefect: Hashable, Sendable {
  case width(expected: Int, found: Int)
  case brokenUTF8
  case unterminatedQuote
  case textAfterQuote
  case nul
  case fieldTooLong
  case recordTooLong

  public var message: String {
    switch self {
    case .width(let expected, let found):
      "the row has \(found) \(found == 1 ? "field" : "fields") and the header \(expected)"
    case .brokenUTF8: "the field is not UTF-8; save the file as UTF-8"
    case .unterminatedQuote: "the quote that opens here is never closed"
    case .textAfterQuote: "text follows the closing quote of this field; double quotes inside it"
    case .nul: "the field holds a NUL byte"
    case .fieldTooLong: "the field is larger than 1 MiB"
    case .recordTooLong: "the row is larger than 16 MiB; is a quote left open here?"
    }
  }
}
