import Delivery
import Model

/// One mail transaction (RFC 5321 §3.3) as a state machine without I/O: replies in, commands and events out.
///
/// With PIPELINING (RFC 2920) MAIL, RCPT and DATA are written at once and answered in turn; without, each waits for
/// the answer before it.
///
///     mail ─▶ rcpt ─▶ data ─▶ ready ─▶ message ─▶ over
///       │       │       │ 354 with nobody to send to ─▶ emptyMessage ─▶ over
///       └───────┴───────┴─ refused ─▶ reset ─▶ over
///
/// 421 ends it in any state, and the connection with it.
struct Transaction {
  /// What is awaited.
  enum State: Hashable { case mail, rcpt, data, ready, message, emptyMessage, reset, over }

  /// What the connection does next.
  enum Next: Hashable {
    case carryOn
    /// The transaction is over and the connection free for another.
    case idle
    case close
  }

  enum Event: Hashable {
    case ready
    case finished(Reply)
  }

  private(set) var state = State.mail
  private let pipelined: Bool
  private let recipient: String
  private var mailAccepted = false
  private var rcptAccepted = false
  /// The attempt has its end; what still comes only tidies the connection up.
  private(set) var isTold = false

  /// Writes the opening of the transaction to `out`.
  /// - Parameters: the addresses have been checked by `Envelope.defect(ofAddress:)`.
  init(
    from: String, to: String, traits: MessageTraits, smtpUTF8: Bool, capabilities: Capabilities, out: inout [UInt8]
  ) {
    pipelined = capabilities.pipelining
    recipient = to
    out.append(contentsOf: "MAIL FROM:<".utf8)
    out.append(contentsOf: from.utf8)
    out.append(0x3E)
    if capabilities.size != nil { out.append(contentsOf: " SIZE=\(traits.size)".utf8) }
    if traits.hasEightBit, capabilities.eightBitMIME { out.append(contentsOf: " BODY=8BITMIME".utf8) }
    if smtpUTF8 { out.append(contentsOf: " SMTPUTF8".utf8) }
    out.append(contentsOf: "\r\n".utf8)
    if pipelined {
      Self.writeRecipient(to, &out)
      out.append(contentsOf: "DATA\r\n".utf8)
    }
  }

  /// Why a message cannot go through a server with these capabilities; nil if it can.
  static func obstacle(
    traits: MessageTraits, smtpUTF8: Bool, capabilities: Capabilities
  ) -> String? {
    if smtpUTF8, !capabilities.smtpUTF8 {
      return "the address has characters outside ASCII and the server does not offer SMTPUTF8"
    }
    if traits.hasEightBit, !capabilities.eightBitMIME {
      return "the message has 8-bit octets and the server does not offer 8BITMIME"
    }
    if let size = capabilities.size, size > 0, traits.size > size {
      return "the message has \(traits.size) octets and the server takes at most \(size)"
    }
    return nil
  }

  private static func writeRecipient(_ to: String, _ out: inout [UInt8]) {
    out.append(contentsOf: "RCPT TO:<".utf8)
    out.append(contentsOf: to.utf8)
    out.append(contentsOf: ">\r\n".utf8)
  }

  /// The caller has written the message and its dot, or begun to.
  mutating func messageBegun() { if state == .ready { state = .message } }

  /// A whole reply.
  /// - Parameters:
  ///   - written: whether everything, the final dot included, has been handed to the connection.
  ///   - text: the reply's words, read only if they are needed.
  ///   - out: where the next command goes.
  mutating func receive(
    _ code: Int, written: Bool, text: () -> ReplyText, out: inout [UInt8]
  ) -> (Event?, Next) {
    let positive = code / 100 == 2
    let negative = code / 100 >= 4
    if code == 421 {
      let event = end(code, completed: state == .message && written, text: text)
      return (event, .close)
    }
    switch state {
    case .mail:
      guard positive || negative else { return outOfTurn(code, written: written) }
      mailAccepted = positive
      let event = positive ? nil : end(code, completed: false, text: text)
      if pipelined {
        state = .rcpt
        return (event, .carryOn)
      }
      guard positive else { return (event, over()) }
      Self.writeRecipient(recipient, &out)
      state = .rcpt
      return (nil, .carryOn)

    case .rcpt:
      guard positive || negative else { return outOfTurn(code, written: written) }
      rcptAccepted = positive
      let event = positive ? nil : end(code, completed: false, text: text)
      if pipelined {
        state = .data
      } else if positive {
        out.append(contentsOf: "DATA\r\n".utf8)
        state = .data
      } else {
        reset(&out)
      }
      return (event, .carryOn)

    case .data:
      if code == 354 {
        guard isTold else {
          state = .ready
          return (.ready, .carryOn)
        }
        // RFC 2920 §3.1: the server now waits for a message to nobody. But had it taken the recipient after refusing
        // the sender, an empty message would be delivered: then the connection goes instead.
        guard !rcptAccepted else { return (nil, .close) }
        out.append(contentsOf: ".\r\n".utf8)
        state = .emptyMessage
        return (nil, .carryOn)
      }
      guard negative else { return outOfTurn(code, written: written) }
      let event = end(code, completed: false, text: text)
      guard mailAccepted else { return (event, over()) }
      reset(&out)
      return (event, .carryOn)

    case .message:
      guard positive || negative, written || negative else { return outOfTurn(code, written: written) }
      let event = end(code, completed: written, text: text)
      // An answer before the dot: where the server stands is anyone's guess.
      return written ? (event, over()) : (event, .close)

    case .emptyMessage:
      return (nil, positive || negative ? over() : .close)
    case .reset:
      return (nil, positive ? over() : .close)
    case .ready, .over:
      return outOfTurn(code, written: false)
    }
  }

  /// The connection is gone or silent: how the attempt ends, nil if it has already.
  mutating func interrupted(_ ending: Reply.Ending, text: String, written: Bool) -> Reply? {
    guard !isTold else { return nil }
    isTold = true
    return Reply(
      stage: stage, ending: ending, text: ReplyText.printable(text.utf8, limit: 500),
      completed: state == .message && written)
  }

  /// What had been sent last.
  private var stage: Reply.Stage {
    switch state {
    case .mail: .mail
    case .rcpt: .rcpt
    case .data, .ready, .reset, .over: .data
    case .message, .emptyMessage: .message
    }
  }

  private mutating func end(_ code: Int, completed: Bool, text: () -> ReplyText) -> Event? {
    guard !isTold else { return nil }
    isTold = true
    let words = text()
    return .finished(
      Reply(
        stage: stage, ending: .reply(code: code), enhancedCode: words.enhancedCode, text: words.text,
        providerID: words.queueID, completed: completed))
  }

  private mutating func outOfTurn(_ code: Int, written: Bool) -> (Event?, Next) {
    let text = "the server answered \(code) where that has no meaning"
    return (interrupted(.connectionLost, text: text, written: written).map { .finished($0) }, .close)
  }

  private mutating func over() -> Next {
    state = .over
    return .idle
  }

  private mutating func reset(_ out: inout [UInt8]) {
    out.append(contentsOf: "RSET\r\n".utf8)
    state = .reset
  }
}
