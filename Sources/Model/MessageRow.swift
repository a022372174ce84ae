/// A one-off message given as data, sent through a campaign.
public struct MessageRow: Sendable {
  /// The contact as the row names it: an id or an address of `contacts`.
  public var contact: String?
  public var email: EmailAddress?
  public var phone: PhoneNumber?
  public var name: String?
  /// Picks the mailbox: its id or its address.
  public var from: String?
  public var sendAt: Instant?
  public var subject: String?
  public var text: String?
  public var html: String?
  /// All columns after renaming, in `snake_case`, values as they stand; empty ones left out.
  public var values: [String: String]
  /// Makes the row one of a kind within its campaign.
  public var key: String
  /// The file's name without its ending.
  public var batch: String
  public var place: Place
  /// When its file was last written; nil where that is not asked for.
  public var writtenAt: Instant?
  /// A cell that is no address or number, and no other to write to: the row is skipped with it.
  public var defect: Contact.Defect?
  /// Cells that are no address or number, beside one that is: their channels are skipped, and nothing else is used in
  /// their place.
  public var broken: [Channel: String] = [:]

  public init(
    contact: String? = nil, email: EmailAddress? = nil, phone: PhoneNumber? = nil, name: String? = nil,
    from: String? = nil, sendAt: Instant? = nil, subject: String? = nil, text: String? = nil, html: String? = nil,
    values: [String: String] = [:], key: String, batch: String, place: Place, writtenAt: Instant? = nil,
    defect: Contact.Defect? = nil
  ) {
    self.contact = contact
    self.email = email
    self.phone = phone
    self.name = name
    self.from = from
    self.sendAt = sendAt
    self.subject = subject
    self.text = text
    self.html = html
    self.values = values
    self.key = key
    self.batch = batch
    self.place = place
    self.writtenAt = writtenAt
    self.defect = defect
  }
}

extension MessageRow {
  /// 32 hex digits over what makes a row one of a kind: names and values in turn, each with its length before it, so that
  /// no two lists of them run together.
  public static func key(_ parts: [String]) -> String {
    var bytes: [UInt8] = []
    for part in parts {
      let n = UInt32(truncatingIfNeeded: part.utf8.count)
      for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(n >> shift & 0xFF)) }
      bytes += Array(part.utf8)
    }
    return String(Hex.digest(bytes).dropFirst("sha256:".count).prefix(32))
  }
}

/// The message rows that one campaign reads.
public struct MessageTable: Sendable {
  public var rows: [MessageRow]
  public var rejected: [RejectedRow]
  /// A row older than this is not sent any more. It is as old as its `send_at`, or without one as its file.
  public var freshWithin: Instant.Span?
  /// The columns of `key`, sorted; empty where all of a row makes it one of a kind.
  public var keyColumns: [String]
  public init(
    rows: [MessageRow] = [], rejected: [RejectedRow] = [], freshWithin: Instant.Span? = nil, keyColumns: [String] = []
  ) {
    self.rows = rows
    self.rejected = rejected
    self.freshWithin = freshWithin
    self.keyColumns = keyColumns
  }
}
