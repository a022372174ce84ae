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

/// One kind of reply and what it means. Of a table's rows the first that fits decides.
struct ReplyRow: Sendable {
  /// SMTP reply codes or HTTP statuses.
  var codes: [ClosedRange<Int>]
  /// What had been sent last; empty means anything.
  var stages: Set<Reply.Stage> = []
  /// Whether the message may be complete; nil means either.
  var completed: Bool?
  /// The class's subject in the enhanced code (RFC 3463 §3): 1 the recipient, 2 its mailbox, 3 the system, 4 the
  /// network, 5 the protocol, 7 policy. Empty means any reply, with an enhanced code or without.
  var subjects: Set<Int> = []
  /// The enhanced code's last number; empty means any.
  var details: Set<Int> = []
  /// An HTTP service's own codes; empty means any.
  var own: Set<String> = []
  /// What the reply's text must hold, in lower case; nil means anything.
  var words: String?
  var verdict: Verdict
  /// What the reply says of the login: it rests, and no other send is spent on it.
  var trouble: Unavailability.Cause?
  /// Where the rule is written.
  var source: String

  func fits(_ code: Int, _ reply: Reply) -> Bool {
    guard codes.contains(where: { $0.contains(code) }) else { return false }
    guard stages.isEmpty || stages.contains(reply.stage) else { return false }
    guard completed == nil || completed == reply.completed else { return false }
    guard own.isEmpty || reply.providerCode.map(own.contains) == true else { return false }
    if !subjects.isEmpty {
      // An enhanced code of another class than the reply's is a mistake: the reply code decides.
      let parts = (reply.enhancedCode ?? "").split(separator: ".").compactMap { Int($0) }
      guard parts.count == 3, parts[0] == code / 100, subjects.contains(parts[1]) else { return false }
      guard details.isEmpty || details.contains(parts[2]) else { return false }
    }
    return words.map { reply.text.lowercased().contains($0) } ?? true
  }
}

/// What the replies of one kind of endpoint mean.
struct ReplyPolicy: Sendable {
  let rows: [ReplyRow]

  init(_ kind: Endpoint.Kind?) {
    rows = if case .http(let http)? = kind { Self.rows(of: http.service) } else { Self.smtp }
  }

  func row(_ reply: Reply) -> ReplyRow? {
    guard case .reply(let code) = reply.ending else { return nil }
    return rows.first { $0.fits(code, reply) }
  }

  func verdict(_ reply: Reply) -> Verdict {
    switch reply.ending {
    case .connectionLost, .timeout: reply.completed ? .inDoubt : .failOver(isFinal: false)
    case .unsupported: .failOver(isFinal: true)
    case .malformed: .inDoubt
    // A code that no row knows: the server is out of step.
    case .reply: row(reply)?.verdict ?? (reply.completed ? .inDoubt : .failOver(isFinal: false))
    }
  }

  // MARK: - SMTP

  /// SMTP's replies (RFC 5321 §4.2, RFC 3463). 4yz is tried again and 5yz is final; the enhanced code, where there is
  /// one, says by whose fault. Policy is most often the sender's.
  static let smtp: [ReplyRow] = [
    ReplyRow(
      codes: [200...299], stages: [.message], completed: true, verdict: .accepted,
      source: "RFC 5321 §4.2.5: a positive reply to the final dot takes the responsibility over"),
    ReplyRow(
      codes: [200...399], completed: true, verdict: .inDoubt,
      source: "RFC 5321 §4.2.1: a positive reply out of turn"),
    ReplyRow(
      codes: [200...399], verdict: .failOver(isFinal: false),
      source: "RFC 5321 §4.2.1: a positive reply where none completes the message"),
    ReplyRow(
      codes: [530...530, 534...535, 538...538], verdict: .failOver(isFinal: false), trouble: .credentials,
      source: "RFC 4954 §6: the server wants other credentials, from every message"),
    ReplyRow(
      codes: [454...454], verdict: .failOver(isFinal: false), trouble: .credentials,
      source: "RFC 4954 §6: authentication fails for now; SES throttles with it after DATA"),
    ReplyRow(
      codes: [421...421], verdict: .failOver(isFinal: false),
      source: "RFC 5321 §3.8: the service closes the connection, at any time"),
    ReplyRow(
      codes: [400...599], words: "email address is not verified", verdict: .failOver(isFinal: true),
      source: "Amazon SES, SMTP response codes: 554 of an account in the sandbox"),
    ReplyRow(
      codes: [400...499], stages: [.rcpt], verdict: .later,
      source: "RFC 5321 §4.2.1, RFC 6647: the receiver asks to come again, as greylisting does"),
    ReplyRow(
      codes: [400...499], stages: [.mail], verdict: .failOver(isFinal: false),
      source: "RFC 5321 §4.2.1: no recipient has been named yet, so it is about the sender"),
    ReplyRow(
      codes: [400...499], subjects: [3, 7], verdict: .failOver(isFinal: false),
      source: "RFC 3463 §3.4, §3.8: the system or its policy"),
    ReplyRow(codes: [400...499], verdict: .later, source: "RFC 5321 §4.2.1: transient"),
    ReplyRow(
      codes: [552...552], stages: [.rcpt], verdict: .later,
      source: "RFC 5321 §4.5.3.1.10: too many recipients, to be taken as 452"),
    ReplyRow(
      codes: [500...599], stages: [.mail], verdict: .failOver(isFinal: true),
      source: "RFC 5321 §4.2.1: no recipient has been named yet, so it is about the sender"),
    ReplyRow(
      codes: [500...599], subjects: [2], details: [2], verdict: .later,
      source: "RFC 3463 §3.3 x.2.2: the mailbox is full, and may empty"),
    ReplyRow(
      codes: [500...599], subjects: [2], details: [3], verdict: .refused(isBounce: false),
      source: "RFC 3463 §3.3 x.2.3: too long for this mailbox, which is there all the same"),
    ReplyRow(
      codes: [500...599], subjects: [1], details: [7, 8], verdict: .failOver(isFinal: true),
      source: "RFC 3463 §3.2 x.1.7, x.1.8: the sender's address"),
    ReplyRow(
      codes: [500...599], subjects: [1, 2], verdict: .refused(isBounce: true),
      source: "RFC 3463 §3.2, §3.3: the recipient's address or mailbox"),
    ReplyRow(
      codes: [500...599], subjects: [3, 4, 7], verdict: .failOver(isFinal: true),
      source: "RFC 3463 §3.4, §3.5, §3.8: the system, the network or policy"),
    ReplyRow(
      codes: [500...599], subjects: [5], verdict: .refused(isBounce: false),
      source: "RFC 3463 §3.6: the protocol"),
    ReplyRow(
      codes: [500...599], subjects: [0, 6], verdict: .refused(isBounce: false),
      source: "RFC 3463 §3.1, §3.7: undefined, or the content"),
    ReplyRow(
      codes: [550...551, 553...553], stages: [.rcpt], verdict: .refused(isBounce: true),
      source: "RFC 5321 §4.2.3: the mailbox is not there, is elsewhere, or its name is not allowed"),
    ReplyRow(codes: [500...599], verdict: .refused(isBounce: false), source: "RFC 5321 §4.2.1: permanent"),
  ]
}

extension Verdict {
  /// Sorts a reply by the rules of the endpoint that gave it: SMTP's without one.
  public init(_ reply: Reply, from kind: Endpoint.Kind?) { self = ReplyPolicy(kind).verdict(reply) }
}

extension Reply {
  /// What it says of the login rather than of this send: every other send of it waits too. Nil: nothing.
  public func trouble(from kind: Endpoint.Kind?) -> Unavailability.Cause? { ReplyPolicy(kind).row(self)?.trouble }
}
