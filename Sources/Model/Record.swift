/// One line of `results.jsonl`. Each case says when it is written; together they are the whole truth about a send.
public enum Record: Hashable, Sendable {
  /// A run of `send` begins. Written before anything else of that run.
  case run(Run)
  /// The attempt is about to write the byte that could complete the message; on disk before it (DESIGN §4.5).
  case intent(Attempt)
  /// How an attempt ended, or that a send ended without one (`expired`, `gave-up`, `render-error`).
  case outcome(Attempt, Result)
  /// Planned, and given back unsent: due again, its attempts counted on.
  case released(Note, ReleaseReason)
  /// Taken out of the plan by a person: never due again.
  case withdrawn(Note)
  /// A dead letter that a person made due again, its attempts counted from nothing.
  case requeued(Note)
  /// A dead letter that a person settled.
  case resolved(Note, Resolution)

  public struct Run: Hashable, Sendable {
    /// 16 hex digits.
    public var id: String
    public var at: Instant
    public var plan: String
    public var host: String
    public var pid: Int
    /// Who approved what it delivers, for the log.
    public var approvedBy: [String]
    public init(id: String, at: Instant, plan: String, host: String, pid: Int, approvedBy: [String]) {
      self.id = id
      self.at = at
      self.plan = plan
      self.host = host
      self.pid = pid
      self.approvedBy = approvedBy
    }
  }

  /// What is said of a send in every record about an attempt at it.
  public struct Attempt: Hashable, Sendable {
    private let send: Send
    /// From 1, counted on over releases; 0 where the send ended without an attempt.
    public var number: Int
    public var at: Instant
    /// Empty where there was no attempt.
    public var provider: String
    public var run: String

    public var id: SendID { send.id }
    public var sendAt: Instant { send.sendAt }
    public var campaign: String { send.campaign }
    public var step: String { send.step }
    public var variant: String? { send.variant }
    public var batch: String? { send.batch }
    public var key: String { send.key }
    public var contact: String { send.contact }
    public var channel: Channel { send.channel }
    public var to: String { send.to }
    public var mailbox: String { send.mailbox }
    public var messageID: String { send.messageID }
    /// For replies to it in a later step.
    public var subject: String? { send.subject }
    public var expiresAt: Instant? { send.expiresAt }

    /// What all attempts at a send have in common: an intent and its outcome share it, so that neither copies a dozen
    /// texts.
    public final class Send: Hashable, Sendable {
      public let id: SendID
      public let sendAt: Instant
      public let campaign: String
      public let step: String
      public let variant: String?
      public let batch: String?
      public let key: String
      public let contact: String
      public let channel: Channel
      public let to: String
      public let mailbox: String
      public let messageID: String
      public let subject: String?
      public let expiresAt: Instant?

      public init(
        id: SendID, sendAt: Instant, campaign: String, step: String, variant: String?, batch: String?, key: String,
        contact: String, channel: Channel, to: String, mailbox: String, messageID: String, subject: String?,
        expiresAt: Instant?
      ) {
        self.id = id
        self.sendAt = sendAt
        self.campaign = campaign
        self.step = step
        self.variant = variant
        self.batch = batch
        self.key = key
        self.contact = contact
        self.channel = channel
        self.to = to
        self.mailbox = mailbox
        self.messageID = messageID
        self.subject = subject
        self.expiresAt = expiresAt
      }

      public convenience init(_ send: PlannedSend, messageID: String) {
        self.init(
          id: send.id, sendAt: send.sendAt, campaign: send.campaign, step: send.step, variant: send.variant,
          batch: send.batch, key: send.key, contact: send.contact, channel: send.channel, to: send.to,
          mailbox: send.mailbox, messageID: messageID, subject: send.subject, expiresAt: send.expiresAt)
      }

      public static func == (a: Send, b: Send) -> Bool {
        a === b
          || a.id == b.id && a.sendAt == b.sendAt && a.campaign == b.campaign && a.step == b.step
            && a.variant == b.variant && a.batch == b.batch && a.key == b.key && a.contact == b.contact
            && a.channel == b.channel && a.to == b.to && a.mailbox == b.mailbox && a.messageID == b.messageID
            && a.subject == b.subject && a.expiresAt == b.expiresAt
      }

      public func hash(into hasher: inout Hasher) {
        hasher.combine(id)
        hasher.combine(to)
      }
    }

    public init(_ send: Send, number: Int, at: Instant, provider: String, run: String) {
      self.send = send
      self.number = number
      self.at = at
      self.provider = provider
      self.run = run
    }

    public init(
      _ send: PlannedSend, number: Int, at: Instant, provider: String, messageID: String, run: String
    ) {
      self.init(Send(send, messageID: messageID), number: number, at: at, provider: provider, run: run)
    }

    public init(
      id: SendID, number: Int, at: Instant, sendAt: Instant, campaign: String, step: String, variant: String?,
      batch: String?, key: String, contact: String, channel: Channel, to: String, mailbox: String, provider: String,
      messageID: String, subject: String?, expiresAt: Instant?, run: String
    ) {
      let send = Send(
        id: id, sendAt: sendAt, campaign: campaign, step: step, variant: variant, batch: batch, key: key,
        contact: contact, channel: channel, to: to, mailbox: mailbox, messageID: messageID, subject: subject,
        expiresAt: expiresAt)
      self.init(send, number: number, at: at, provider: provider, run: run)
    }
  }

  public enum Outcome: String, CaseIterable, Sendable {
    case sent
    /// May be tried again.
    case retry
    /// Never again.
    case failed
    /// The server may have it.
    case inDoubt = "in-doubt"
  }

  public struct Result: Hashable, Sendable {
    public var outcome: Outcome
    /// Why it failed; nil unless `outcome` is `failed`.
    public var reason: DeadReason?
    /// The SMTP or HTTP reply code.
    public var code: Int?
    /// RFC 3463, such as `5.1.1`.
    public var enhancedCode: String?
    public var response: String
    public var providerID: String?
    /// From the attempt's start to its outcome.
    public var milliseconds: Int64
    /// Only with `retry`.
    public var retryAt: Instant?
    /// The recipient's own fault, for good: counts as a bounce of the address.
    public var isBounce: Bool

    public init(
      outcome: Outcome, reason: DeadReason? = nil, code: Int? = nil, enhancedCode: String? = nil,
      response: String = "", providerID: String? = nil, milliseconds: Int64 = 0, retryAt: Instant? = nil,
      isBounce: Bool = false
    ) {
      self.outcome = outcome
      self.reason = reason
      self.code = code
      self.enhancedCode = enhancedCode
      self.response = response
      self.providerID = providerID
      self.milliseconds = milliseconds
      self.retryAt = retryAt
      self.isBounce = isBounce
    }
  }

  /// What is said of a send where no attempt is at hand. It names the send in full, so that history needs no plan.
  public struct Note: Hashable, Sendable {
    public var id: SendID
    public var at: Instant
    public var campaign: String
    public var step: String
    public var key: String
    public var contact: String
    public var channel: Channel
    public var to: String
    public var mailbox: String
    public var expiresAt: Instant?
    /// A person's name, or nothing for the executor.
    public var by: String?

    public init(
      id: SendID, at: Instant, campaign: String, step: String, key: String, contact: String, channel: Channel,
      to: String, mailbox: String, expiresAt: Instant? = nil, by: String? = nil
    ) {
      self.id = id
      self.at = at
      self.campaign = campaign
      self.step = step
      self.key = key
      self.contact = contact
      self.channel = channel
      self.to = to
      self.mailbox = mailbox
      self.expiresAt = expiresAt
      self.by = by
    }

    public init(_ send: PlannedSend, at: Instant, by: String? = nil) {
      self.init(
        id: send.id, at: at, campaign: send.campaign, step: send.step, key: send.key, contact: send.contact,
        channel: send.channel, to: send.to, mailbox: send.mailbox, expiresAt: send.expiresAt, by: by)
    }
  }

  public enum Resolution: String, CaseIterable, Sendable {
    /// A person knows that it arrived.
    case sent
    /// A person lets it go.
    case dropped
  }
}
