/// `on_sent`: the rows that a campaign's delivered messages leave behind for other programs (DESIGN §4.9).
public struct SentRecord: Hashable, Sendable {
  /// A file's name, ending in `.csv`; it lies in each day's folder.
  public var file: String
  /// Names of variables, or of `own`.
  public var columns: [String]

  /// What Nightmail itself knows of a send and a row may have: its id, when it was accepted, and what the plan says.
  public static let own = ["send_id", "sent_at", "campaign", "step", "contact", "to", "mailbox"]

  public init(file: String, columns: [String]) {
    self.file = file
    self.columns = columns
  }

  /// The columns that contact, mailbox, campaign or message row must give: a send without a value is not made, since a
  /// row of it could never be whole.
  public var variables: [String] { columns.filter { !Self.own.contains($0) } }

  /// Whether a name can be a file's: no path, nothing hidden, nothing that Nightmail's own files are called.
  public static func isFileName(_ text: String) -> Bool {
    text.count <= 100 && text.hasSuffix(".csv") && text.count > 4 && !text.hasPrefix(".")
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
      }
  }
}
