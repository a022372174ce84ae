/// An e-mail in pieces, for services that put the message together themselves. Every value is plain: nothing is
/// encoded for a header, and none holds a line break.
public struct MessageParts: Hashable, Sendable {
  public var from: NamedAddress
  public var to: NamedAddress
  public var replyTo: NamedAddress?
  /// Empty where there is none.
  public var subject: String
  public var text: String?
  public var html: String?
  /// What has no place of its own: Message-ID, In-Reply-To, References, List-Unsubscribe, List-Unsubscribe-Post.
  public var headers: [Header]
  public var attachments: [Attachment]

  public struct Header: Hashable, Sendable {
    public var name: String
    /// Printable ASCII.
    public var value: String
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  public struct Attachment: Hashable, Sendable {
    public var name: String
    /// A media type, `application/pdf`.
    public var type: String
    /// In base64, with CRLF after each line: shared with the message, where it stands so.
    public var base64Lines: [UInt8]
    public init(name: String, type: String, base64Lines: [UInt8]) {
      self.name = name
      self.type = type
      self.base64Lines = base64Lines
    }
  }

  public init(
    from: NamedAddress, to: NamedAddress, replyTo: NamedAddress? = nil, subject: String, text: String? = nil,
    html: String? = nil, headers: [Header] = [], attachments: [Attachment] = []
  ) {
    self.from = from
    self.to = to
    self.replyTo = replyTo
    self.subject = subject
    self.text = text
    self.html = html
    self.headers = headers
    self.attachments = attachments
  }
}
