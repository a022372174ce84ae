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
  /// A cell that is no address or number: the row is skipped with it.
  public var defect: Contact.Defect?

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

/// The message rows that one campaign reads.
public struct MessageTable: Sendable {
  public var rows: [MessageRow]
  public var rejected: [RejectedRow]
  /// A row older than this is not sent any more. It is as old as its `send_at`, or without one as its file.
  public var freshWithin: Instant.Span?
  public init(rows: [MessageRow] = [], rejected: [RejectedRow] = [], freshWithin: Instant.Span? = nil) {
    self.rows = rows
    self.rejected = rejected
    self.freshWithin = freshWithin
  }
}
