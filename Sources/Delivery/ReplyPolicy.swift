import Model

/// What a reply means for the send: whether a retry can help, and where.
public enum Verdict: Hashable, Sendable {
  case accepted
  /// Final. `isBounce`: the recipient's own fault, which holds for the whole project.
  case refused(isBounce: Bool)
  /// Try again later through the same provider: greylisting, a full mailbox.
  case later
  /// The sender's or provider's fault: the next provider at once. `isFinal`: where there is no other provider, it is
  /// refused for good; else it is tried again later.
  case failOver(isFinal: Bool)
  /// The server may have it: never again by itself (RFC 1047).
  case inDoubt
}

extension Verdict {
  /// Sorts an SMTP reply (DESIGN §4.8; RFC 5321 §4.2.1 for the codes, RFC 3463 for the enhanced ones).
  ///
  /// 4yz is tried again and 5yz is final, by the enhanced code where there is one: x.1 the recipient, x.2 its mailbox,
  /// x.3 the system, x.4 the network, x.5 the protocol, x.7 policy, which is most often the sender's fault.
  public init(smtp reply: Reply) {
    switch reply.ending {
    case .connectionLost, .timeout:
      self = reply.completed ? .inDoubt : .failOver(isFinal: false)
    case .unsupported:
      self = .failOver(isFinal: true)
    case .malformed:
      self = .inDoubt
    case .reply(let code):
      self = Verdict(code: code, reply: reply)
    }
  }

  private init(code: Int, reply: Reply) {
    let parts = (reply.enhancedCode ?? "").split(separator: ".").compactMap { Int($0) }
    // An enhanced code of another class than the reply's is a mistake: the reply code decides.
    let subject = parts.count == 3 && parts[0] == code / 100 ? parts[1] : nil
    let detail = parts.count == 3 ? parts[2] : nil
    switch code {
    case 200..<300 where reply.stage == .message && reply.completed: self = .accepted
    // A positive reply where none completes the message, or 354 out of turn: the server is out of step.
    case 200..<400: self = reply.completed ? .inDoubt : .failOver(isFinal: false)
    // The service closes, is throttled (SES: 454 after DATA) or wants other credentials: not the recipient's doing.
    case 421, 454: self = .failOver(isFinal: false)
    case 530, 534, 535, 538: self = .failOver(isFinal: false)
    case 400..<500:
      switch (reply.stage, subject) {
      case (.rcpt, _): self = .later
      // No recipient has been named yet: it is about the sender.
      case (.mail, _): self = .failOver(isFinal: false)
      case (_, 1?), (_, 2?): self = .later
      case (_, 7?), (_, 3?): self = .failOver(isFinal: false)
      default: self = .later
      }
    // Too many recipients for one transaction is temporary (RFC 5321 §4.5.3.1.10); a full mailbox may empty.
    case 552 where reply.stage == .rcpt: self = .later
    case 500..<600:
      switch (reply.stage, subject) {
      case (.mail, _): self = .failOver(isFinal: true)
      case (_, 2?) where detail == 2: self = .later
      // The message is too long for this mailbox, which is there all the same.
      case (_, 2?) where detail == 3: self = .refused(isBounce: false)
      case (_, 1?) where detail == 7 || detail == 8: self = .failOver(isFinal: true)  // the sender's address
      case (_, 1?), (_, 2?): self = .refused(isBounce: true)
      case (_, 7?), (_, 3?), (_, 4?): self = .failOver(isFinal: true)
      case (.rcpt, nil) where code == 550 || code == 551 || code == 553: self = .refused(isBounce: true)
      default: self = .refused(isBounce: false)
      }
    default: self = reply.completed ? .inDoubt : .failOver(isFinal: false)
    }
  }
}
