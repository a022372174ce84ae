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

    /// A cell that is no address, or no number.
    public static func notAnAddress(_ text: String, of channel: Channel, at place: Place? = nil) -> Defect {
      let what = "'\(text.prefix(100))' is no \(channel == .email ? "address" : "phone number")"
      return Defect(.invalidAddress, place.map { "\(what) (\($0))" } ?? what)
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

/// A row of contacts or messages that could not be read.
public struct RejectedRow: Hashable, Sendable {
  public var place: Place
  public var reason: SkipReason
  public var detail: String
  /// Of a message row whose key could be read.
  public var key: String?
  public init(place: Place, reason: SkipReason, detail: String, key: String? = nil) {
    self.place = place
    self.reason = reason
    self.detail = detail
    self.key = key
  }
}
