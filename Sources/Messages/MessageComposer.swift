import Model
import Synchronization

/// Makes planned sends into messages. It knows the project's campaigns and mailboxes and nothing of the day: the same
/// send and date give the same bytes, whichever machine composes them.
///
/// Nothing in a send's data can add a header field: values that go into one lose their line breaks and controls
/// (`HeaderText.clean`), and addresses are read anew.
public struct MessageComposer: Sendable {
  private let engine: TemplateEngine
  private let campaigns: [String: Composed]
  private let senders: [String: Sender]
  private let attachments: AttachmentStore
  private let signers: DKIMSigners

  /// - Parameters:
  ///   - signers: of the mailboxes that sign their mail.
  ///   - attachment: reads a file by its path relative to the project. It is called once for each path, and the encoded
  ///     file is kept.
  public init(
    project: Project, engine: TemplateEngine, signers: DKIMSigners = DKIMSigners(),
    attachment: @escaping @Sendable (_ path: String) throws -> [UInt8]
  ) {
    self.engine = engine
    self.signers = signers
    campaigns = Dictionary(project.campaigns.map { ($0.id, Composed($0)) }, uniquingKeysWith: { first, _ in first })
    senders = Dictionary(project.mailboxes.map { ($0.id, Sender($0)) }, uniquingKeysWith: { first, _ in first })
    attachments = AttachmentStore(read: attachment)
  }

  /// `<id@domain>` (RFC 5322 §3.6.4), the domain being the From address's. A number has no domain: SMS takes
  /// `sms.invalid` (RFC 2606 §2), which can never be anyone's.
  public static func messageID(for id: SendID, mailbox: Mailbox) -> String {
    switch mailbox.sender {
    case .email(let named): "<\(id.text)@\(named.address.domain)>"
    case .sms: "<\(id.text)@sms.invalid>"
    }
  }

  /// - Parameters:
  ///   - date: when the attempt is made; it stands in `Date`, on the mailbox's clock, and in the signature.
  ///   - inParts: whether an e-mail is wanted in pieces too.
  /// - Throws: what is wrong with the send or its templates; trying again does not help.
  public func compose(
    _ send: PlannedSend, date: Instant, inParts: Bool = true
  ) throws(RenderProblem) -> ComposedMessage {
    guard let composed = campaigns[send.campaign] else { throw .notInProject(what: "campaign", name: send.campaign) }
    guard let sender = senders[send.mailbox] else { throw .notInProject(what: "mailbox", name: send.mailbox) }
    guard let step = composed.steps[send.step] else {
      throw .notInProject(what: "step", name: "\(send.campaign)/\(send.step)")
    }
    guard sender.channel == send.channel else { throw .wrongChannel(mailbox: send.mailbox, send.channel) }
    let content = try content(send, composed, step, sender)
    switch sender.identity {
    case .email(let from): return try email(send, composed, step, sender, from, content, date, inParts: inParts)
    case .sms(let from): return try sms(send, sender, from, content)
    }
  }

  // MARK: - Content

  /// What the send says. A message row's literal text takes the place of the step's templates altogether.
  private func content(
    _ send: PlannedSend, _ campaign: Composed, _ step: ComposedStep, _ sender: Sender
  ) throws(RenderProblem) -> MessageContent {
    let isLiteral = send.text != nil || send.html != nil
    var (text, html): (Template?, Template?)
    if !isLiteral {
      let name = send.variant ?? ""
      guard let variant = step.variants[name] else {
        throw .notInProject(what: "variant", name: "\(send.campaign)/\(send.step)/\(name)")
      }
      (text, html) = (variant.text, send.channel == .email ? variant.html : nil)
    }
    var content = try MessageContent(
      text: text, html: html, id: send.id, values: send.vars, mailbox: sender.mailbox,
      unsubscribe: campaign.unsubscribe, isLinked: send.channel == .email && campaign.isBulk, engine: engine)
    if isLiteral { (content.text, content.html) = (send.text, send.html) }
    return content
  }

  // MARK: - SMS

  private func sms(
    _ send: PlannedSend, _ sender: Sender, _ from: PhoneNumber, _ content: MessageContent
  ) throws(RenderProblem) -> ComposedMessage {
    guard let to = PhoneNumber(send.to) else { throw .invalidRecipient(send.to) }
    guard let text = content.smsText else { throw .noContent }
    return ComposedMessage(
      envelopeFrom: from.e164, envelopeTo: to.e164, messageID: "<\(send.id.text)\(sender.atDomain)>",
      bytes: Array(text.utf8), needsSMTPUTF8: false)
  }

  // MARK: - E-mail

  private func email(
    _ send: PlannedSend, _ campaign: Composed, _ step: ComposedStep, _ sender: Sender, _ from: NamedAddress,
    _ content: MessageContent, _ date: Instant, inParts: Bool
  ) throws(RenderProblem) -> ComposedMessage {
    guard let to = EmailAddress(send.to), Self.isPrintable(to) else { throw .invalidRecipient(send.to) }
    if let unprintable = sender.unprintable { throw .invalidRecipient(unprintable) }
    let messageID = "<\(send.id.text)\(sender.atDomain)>"

    var header = HeaderBlock()
    header.reserve(1024)
    header.addDate(date, zone: sender.zone)
    header.add(sender.fields)
    header.addAddress("To", to, named: send.name)
    if let subject = send.subject, !HeaderText.clean(subject).isEmpty { header.addUnstructured("Subject", subject) }
    header.add("Message-ID", messageID)
    // What is no Message-ID, such as a provider's own id, names no message to a reader and is left out.
    let references = send.thread?.references.filter(Self.isMessageID) ?? []
    if let last = references.last {
      header.add("In-Reply-To", last)
      header.addList("References", references, separator: "")
    }
    if campaign.isBulk { content.unsubscribe.add(to: &header) }
    header.add("MIME-Version", "1.0")

    var attachments: [MessageParts.Attachment] = []
    let part = try body(send, step.step, content, &attachments)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(header.bytes.count + part.header.count + part.body.count + 2)
    bytes.append(contentsOf: header.bytes)
    bytes.append(contentsOf: part.header)
    bytes.append(contentsOf: [0x0D, 0x0A])
    bytes.append(contentsOf: part.body)
    if let signer = signers[send.mailbox] {
      do {
        bytes = try signer.sign(bytes, at: date)
      } catch {
        throw .unsigned(mailbox: send.mailbox, error)
      }
    }
    var message = ComposedMessage(
      envelopeFrom: from.address.envelope, envelopeTo: to.envelope, messageID: messageID, bytes: bytes,
      needsSMTPUTF8: to.needsSMTPUTF8 || sender.needsSMTPUTF8)
    guard inParts else { return message }
    var headers = [MessageParts.Header("Message-ID", messageID)]
    if let last = references.last {
      headers.append(MessageParts.Header("In-Reply-To", last))
      headers.append(MessageParts.Header("References", references.joined(separator: " ")))
    }
    if campaign.isBulk { headers += content.unsubscribe.headers }
    message.parts = MessageParts(
      from: NamedAddress(name: from.name.map(HeaderText.clean), address: from.address),
      to: NamedAddress(name: send.name.map(HeaderText.clean), address: to),
      replyTo: sender.mailbox.replyTo.map { NamedAddress(name: $0.name.map(HeaderText.clean), address: $0.address) },
      subject: HeaderText.clean(send.subject ?? ""), text: content.text, html: content.html, headers: headers,
      attachments: attachments)
    return message
  }

  private func body(
    _ send: PlannedSend, _ step: Step, _ content: MessageContent, _ attached: inout [MessageParts.Attachment]
  ) throws(RenderProblem) -> MIMEPart {
    let isBlank = [content.text, content.html].allSatisfy { $0?.isBlank ?? true }
    guard !isBlank || !step.attachments.isEmpty else { throw .noContent }
    var parts: [MIMEPart] = []
    if let text = content.text { parts.append(.text(text, subtype: "plain")) }
    if let html = content.html { parts.append(.text(html, subtype: "html")) }
    let message = parts.count > 1 ? MIMEPart.multipart("alternative", parts, id: send.id) : parts.first
    guard !step.attachments.isEmpty else { return message ?? .text("", subtype: "plain") }
    var mixed = message.map { [$0] } ?? []
    for path in step.attachments {
      let part = try attachments.part(path)
      mixed.append(part)
      attached.append(MIMEPart.plain(path: path, part))
    }
    return .multipart("mixed", mixed, id: send.id)
  }

  /// No control, separator or space beyond ASCII hides in a local part.
  fileprivate static func isPrintable(_ address: EmailAddress) -> Bool {
    address.envelope.utf8.allSatisfy { $0 < 0x80 }
      || !address.envelope.unicodeScalars.contains { HeaderText.isControl($0) || $0.properties.isWhitespace }
  }

  /// `<left@right>` of printable ASCII, in a length that fits on a line.
  private static func isMessageID(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return bytes.count >= 5 && bytes.count <= 900 && bytes.first == 0x3C && bytes.last == 0x3E
      && bytes.count(where: { $0 == 0x40 }) == 1
      && bytes[1..<(bytes.count - 1)].allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3C && $0 != 0x3E }
  }
}

/// A campaign with its steps by their ids. A class, as `Sender` is: a message uses a few of its many values, and none
/// of the rest is copied.
private final class Composed: Sendable {
  let isBulk: Bool
  let unsubscribe: Campaign.Unsubscribe?
  let steps: [String: ComposedStep]

  init(_ campaign: Campaign) {
    isBulk = campaign.messageClass == .bulk
    unsubscribe = campaign.unsubscribe
    steps = Dictionary(campaign.steps.map { ($0.id, ComposedStep($0)) }, uniquingKeysWith: { first, _ in first })
  }
}

private final class ComposedStep: Sendable {
  let step: Step
  /// By their ids; one without an id where the step has no variants.
  let variants: [String: Step.Variant]

  init(_ step: Step) {
    self.step = step
    variants = Dictionary(step.variants.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
  }
}

/// A mailbox, and what all its messages have in common.
private final class Sender: Sendable {
  let mailbox: Mailbox
  let identity: Mailbox.Sender
  let channel: Channel
  let zone: Zone
  /// `From`, and `Reply-To` where there is one, as they stand in the header.
  let fields: [UInt8]
  /// What follows the send's id in a Message-ID.
  let atDomain: String
  /// An address of its own that no header can carry; nil if all can.
  let unprintable: String?
  let needsSMTPUTF8: Bool

  init(_ mailbox: Mailbox) {
    self.mailbox = mailbox
    identity = mailbox.sender
    channel = mailbox.sender.channel
    zone = mailbox.zone
    guard case .email(let from) = mailbox.sender else {
      (fields, atDomain, unprintable, needsSMTPUTF8) = ([], "@sms.invalid", nil, false)
      return
    }
    var header = HeaderBlock()
    header.addAddress("From", from.address, named: from.name)
    if let replyTo = mailbox.replyTo { header.addAddress("Reply-To", replyTo.address, named: replyTo.name) }
    fields = header.bytes
    atDomain = "@" + from.address.domain
    let addresses = [from.address, mailbox.replyTo?.address].compactMap { $0 }
    unprintable = addresses.first { !MessageComposer.isPrintable($0) }?.envelope
    needsSMTPUTF8 = addresses.contains(where: \.needsSMTPUTF8)
  }
}

/// The campaigns' attachments, each read and encoded once.
private final class AttachmentStore: Sendable {
  private let read: @Sendable (String) throws -> [UInt8]
  private let parts = Mutex<[String: MIMEPart]>([:])

  init(read: @escaping @Sendable (String) throws -> [UInt8]) { self.read = read }

  func part(_ path: String) throws(RenderProblem) -> MIMEPart {
    if let known = parts.withLock({ $0[path] }) { return known }
    let bytes: [UInt8]
    do {
      bytes = try read(path)
    } catch {
      throw .attachment(path: path, reason: "\(error)")
    }
    let part = MIMEPart.attachment(path: path, bytes: bytes)
    parts.withLock { $0[path] = part }
    return part
  }
}
