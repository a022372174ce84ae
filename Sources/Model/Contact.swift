/// A person: an address and/or a phone number, a zone, tags and any other columns.
public struct Contact: Sendable {
  /// The identity: `id` where there is one, else the canonical address, else the phone number.
  public var key: String
  /// As SMTP is given it; nil without a usable address.
  public var email: EmailAddress?
  public var phone: PhoneNumber?
  public var zone: Zone?
  public var tags: [String]
  /// The mailbox that `contacts.csv` assigns.
  public var mailbox: String?
  public var addedAt: Instant?
  public var emailEnabled: Bool
  public var smsEnabled: Bool
  /// One value for each of the table's columns; empty where there is none.
  public var values: [String]
  /// The files it stands in, as indices into the table's `files`.
  public var files: Set<Int>
  /// Where it stands first.
  public var place: Place
  /// What is wrong with it, if it can never be written to as it stands: `invalid-address` or `duplicate`.
  public var defect: Defect?

  public struct Defect: Hashable, Sendable {
    public var reason: SkipReason
    /// For the operator: what, with the lines.
    public var detail: String
    public init(_ reason: SkipReason, _ detail: String) {
      self.reason = reason
      self.detail = detail
    }
  }

  public init(
    key: String, email: EmailAddress? = nil, phone: PhoneNumber? = nil, zone: Zone? = nil, tags: [String] = [],
    mailbox: String? = nil, addedAt: Instant? = nil, emailEnabled: Bool = true, smsEnabled: Bool = false,
    values: [String] = [], files: Set<Int> = [], place: Place, defect: Defect? = nil
  ) {
    self.key = key
    self.email = email
    self.phone = phone
    self.zone = zone
    self.tags = tags
    self.mailbox = mailbox
    self.addedAt = addedAt
    self.emailEnabled = emailEnabled
    self.smsEnabled = smsEnabled
    self.values = values
    self.files = files
    self.place = place
    self.defect = defect
  }

  /// Whether the contact's preferences and data allow a channel. Empty `email_enabled` means yes, empty
  /// `sms_enabled` means no (DESIGN §2).
  public func allows(_ channel: Channel) -> Bool {
    switch channel {
    case .email: email != nil && emailEnabled
    case .sms: phone != nil && smsEnabled
    }
  }
}

/// All contacts of the project, by identity, in the order in which they first stand in the files.
public struct ContactTable: Sendable {
  /// The columns of all files together, in `snake_case`, in order of first appearance: `Contact.values` follows it.
  public private(set) var columns: [String]
  /// Paths relative to the project.
  public var files: [String]
  public var contacts: [Contact]
  /// Rows that are no contact: skipped in every campaign that reads their file.
  public var rejected: [RejectedRow]
  private var columnIndex: [String: Int] = [:]
  private var byKey: [String: Int] = [:]
  private var byAddress: [String: Int] = [:]
  private var byPhone: [String: Int] = [:]

  public init(columns: [String] = [], files: [String] = [], contacts: [Contact] = [], rejected: [RejectedRow] = []) {
    self.columns = columns
    self.files = files
    self.contacts = contacts
    self.rejected = rejected
    for (i, name) in columns.enumerated() { columnIndex[name] = i }
    for (i, contact) in contacts.enumerated() {
      byKey[contact.key] = i
      if contact.defect == nil {
        if let a = contact.email?.canonical { byAddress[a] = i }
        if let p = contact.phone?.e164, byPhone[p] == nil { byPhone[p] = i }
      }
    }
  }

  public func column(_ name: String) -> Int? { columnIndex[name] }
  /// By id, canonical address or E.164 number.
  public func find(_ word: String) -> Contact? {
    if let i = byKey[word] ?? byAddress[word] ?? byPhone[word] { return contacts[i] }
    if let address = EmailAddress(word), let i = byAddress[address.canonical] { return contacts[i] }
    if let phone = PhoneNumber(word), let i = byPhone[phone.e164] { return contacts[i] }
    return nil
  }

  /// A contact's value; nil where it has none, an empty cell being none.
  public func value(_ name: String, of contact: Contact) -> String? {
    guard let i = columnIndex[name], i < contact.values.count, !contact.values[i].isEmpty else { return nil }
    return contact.values[i]
  }
}

/// A row of contacts or messages that could not be read.
public struct RejectedRow: Hashable, Sendable {
  public var place: Place
  public var reason: SkipReason
  public var detail: String
  public init(place: Place, reason: SkipReason, detail: String) {
    self.place = place
    self.reason = reason
    self.detail = detail
  }
}

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
