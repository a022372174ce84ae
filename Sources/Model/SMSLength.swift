/// What a text message comes to on the air. Messages counts it; the planner holds it against `max_segments`.
public struct SMSLength: Hashable, Sendable {
  /// How the text is written (3GPP TS 23.038 §6.2).
  public enum Encoding: String, Sendable {
    /// The default alphabet of seven-bit characters.
    case gsm7 = "GSM-7"
    /// Two octets a unit, for every text that has a character outside the default alphabet.
    case ucs2 = "UCS-2"
  }

  public var encoding: Encoding
  /// Seven-bit characters, of which one of the extension table takes two; or UTF-16 code units.
  public var units: Int
  /// Messages that it is sent in and billed as; 0 for an empty text.
  public var segments: Int

  public init(encoding: Encoding, units: Int, segments: Int) {
    self.encoding = encoding
    self.units = units
    self.segments = segments
  }
}

/// A text message before it has a time: all that its words depend on.
public struct SMSDraft: Sendable {
  public enum Body: Sendable {
    case template(Template)
    /// A message row's own words.
    case literal(String)
  }

  public var id: SendID
  public var body: Body
  public var mailbox: Mailbox
  public var unsubscribe: Campaign.Unsubscribe?
  /// What a plan's line would have as `vars`.
  public var values: [String: String]

  public init(
    id: SendID, body: Body, mailbox: Mailbox, unsubscribe: Campaign.Unsubscribe?, values: [String: String]
  ) {
    self.id = id
    self.body = body
    self.mailbox = mailbox
    self.unsubscribe = unsubscribe
    self.values = values
  }
}
