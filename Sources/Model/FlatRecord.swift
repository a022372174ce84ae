/// A record of results as numbers and places in a buffer of bytes, without strings of its own: what the reader of results
/// makes of a line, and what the history folds. `Record` is the same for everybody else.
///
/// Runs have no flat form: they say nothing of a send.
package struct FlatRecord: Sendable {
  package enum Kind: UInt8, Sendable { case intent, outcome, released, withdrawn, requeued, resolved }

  /// Where a text lies in the buffer; `.none` for a text that is absent.
  package struct Text: Hashable, Sendable {
    package var offset: UInt32
    package var count: UInt32
    package static let none = Text(offset: 0, count: .max)
    package static let empty = Text(offset: 0, count: 0)

    package init(offset: UInt32, count: UInt32) {
      self.offset = offset
      self.count = count
    }
    package var isNone: Bool { count == .max }
  }

  package var kind: Kind
  package var channel = Channel.email
  package var id = SendID(high: 0, low: 0)
  /// Milliseconds since the epoch, here and below; `Int64.min` where there is none.
  package var at: Int64 = .min
  package var expiresAt: Int64 = .min
  package var campaign = Text.empty
  package var step = Text.empty
  package var key = Text.empty
  package var contact = Text.empty
  package var to = Text.empty
  package var mailbox = Text.empty

  // Of an attempt.
  package var number = 0
  package var sendAt: Int64 = .min
  package var variant = Text.none
  package var batch = Text.none
  package var provider = Text.empty
  package var messageID = Text.empty
  package var subject = Text.none
  package var run = Text.empty

  // Of its outcome.
  package var outcome = Record.Outcome.sent
  package var deadReason: DeadReason?
  package var isBounce = false
  package var code: Int32 = -1
  package var milliseconds: Int64 = 0
  package var retryAt: Int64 = .min
  package var enhancedCode = Text.none
  package var response = Text.empty
  package var providerID = Text.none

  // Of a note.
  package var by = Text.none
  package var releaseReason = ReleaseReason.missed
  package var resolution = Record.Resolution.sent

  package init(_ kind: Kind) { self.kind = kind }

  /// Shifts the places of all texts, where what they lie in came to lie elsewhere.
  package mutating func move(by offset: UInt32) {
    let texts: [WritableKeyPath<FlatRecord, Text>] = [
      \.campaign, \.step, \.key, \.contact, \.to, \.mailbox, \.variant, \.batch, \.provider, \.messageID, \.subject,
      \.run, \.enhancedCode, \.response, \.providerID, \.by,
    ]
    for text in texts where !self[keyPath: text].isNone { self[keyPath: text].offset += offset }
  }
}

extension FlatRecord {
  /// Nil for a run. Texts are appended to `bytes`.
  package init?(_ record: Record, into bytes: inout [UInt8]) {
    func put(_ text: String) -> Text {
      let offset = bytes.count
      bytes.append(contentsOf: text.utf8)
      return Text(offset: UInt32(offset), count: UInt32(bytes.count - offset))
    }
    func put(_ text: String?) -> Text { text.map { put($0) } ?? .none }
    switch record {
    case .run: return nil
    case .intent(let attempt): self.init(.intent, attempt, put, put)
    case .outcome(let attempt, let result):
      self.init(.outcome, attempt, put, put)
      outcome = result.outcome
      deadReason = result.reason
      isBounce = result.isBounce
      code = result.code.map { Int32(clamping: $0) } ?? -1
      milliseconds = result.milliseconds
      retryAt = result.retryAt?.milliseconds ?? .min
      enhancedCode = put(result.enhancedCode)
      response = put(result.response)
      providerID = put(result.providerID)
    case .released(let note, let reason):
      self.init(.released, note, put, put)
      releaseReason = reason
    case .withdrawn(let note): self.init(.withdrawn, note, put, put)
    case .requeued(let note): self.init(.requeued, note, put, put)
    case .resolved(let note, let how):
      self.init(.resolved, note, put, put)
      resolution = how
    }
  }

  private init(_ kind: Kind, _ a: Record.Attempt, _ put: (String) -> Text, _ maybe: (String?) -> Text) {
    self.init(kind)
    id = a.id
    number = a.number
    at = a.at.milliseconds
    sendAt = a.sendAt.milliseconds
    expiresAt = a.expiresAt?.milliseconds ?? .min
    campaign = put(a.campaign)
    step = put(a.step)
    variant = maybe(a.variant)
    batch = maybe(a.batch)
    key = put(a.key)
    contact = put(a.contact)
    channel = a.channel
    to = put(a.to)
    mailbox = put(a.mailbox)
    provider = put(a.provider)
    messageID = put(a.messageID)
    subject = maybe(a.subject)
    run = put(a.run)
  }

  private init(_ kind: Kind, _ note: Record.Note, _ put: (String) -> Text, _ maybe: (String?) -> Text) {
    self.init(kind)
    id = note.id
    at = note.at.milliseconds
    expiresAt = note.expiresAt?.milliseconds ?? .min
    campaign = put(note.campaign)
    step = put(note.step)
    key = put(note.key)
    contact = put(note.contact)
    channel = note.channel
    to = put(note.to)
    mailbox = put(note.mailbox)
    by = maybe(note.by)
  }
}

extension FlatRecord {
  /// The record with strings of its own.
  package func record(in bytes: UnsafeBufferPointer<UInt8>) -> Record {
    func text(_ text: Text) -> String {
      String(decoding: bytes[Int(text.offset)..<Int(text.offset) + Int(text.count)], as: UTF8.self)
    }
    func maybe(_ value: Text) -> String? { value.isNone ? nil : text(value) }
    func maybe(_ instant: Int64) -> Instant? { instant == .min ? nil : Instant(milliseconds: instant) }
    func attempt() -> Record.Attempt {
      Record.Attempt(
        id: id, number: number, at: Instant(milliseconds: at), sendAt: Instant(milliseconds: sendAt),
        campaign: text(campaign), step: text(step), variant: maybe(variant), batch: maybe(batch), key: text(key),
        contact: text(contact), channel: channel, to: text(to), mailbox: text(mailbox), provider: text(provider),
        messageID: text(messageID), subject: maybe(subject), expiresAt: maybe(expiresAt), run: text(run))
    }
    func note() -> Record.Note {
      Record.Note(
        id: id, at: Instant(milliseconds: at), campaign: text(campaign), step: text(step), key: text(key),
        contact: text(contact), channel: channel, to: text(to), mailbox: text(mailbox), expiresAt: maybe(expiresAt),
        by: maybe(by))
    }
    switch kind {
    case .intent: return .intent(attempt())
    case .outcome:
      return .outcome(
        attempt(),
        Record.Result(
          outcome: outcome, reason: deadReason, code: code < 0 ? nil : Int(code), enhancedCode: maybe(enhancedCode),
          response: text(response), providerID: maybe(providerID), milliseconds: milliseconds,
          retryAt: maybe(retryAt), isBounce: isBounce))
    case .released: return .released(note(), releaseReason)
    case .withdrawn: return .withdrawn(note())
    case .requeued: return .requeued(note())
    case .resolved: return .resolved(note(), resolution)
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  @inline(__always)
  package func text(_ text: FlatRecord.Text) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: self[Int(text.offset)..<Int(text.offset) + Int(text.count)])
  }
}
