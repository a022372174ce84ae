/// A sequence of steps for an audience, through a set of mailboxes. Settings that it overrides are already resolved.
public struct Campaign: Sendable {
  /// The folder's name.
  public var id: String
  public var status: Status
  public var messageClass: MessageClass
  /// Higher goes first.
  public var priority: Int
  public var start: Instant?
  public var end: Instant?
  public var audience: Audience
  public var mailboxes: MailboxChoice
  public var window: Window
  public var holidays: Set<CalendarDay>
  /// First steps, and message rows, that it may make on one of the project's days; nil means no limit.
  public var dailyNewLimit: Int?
  public var stopOn: Set<EventType>
  /// How long after its first plan, or its row's `send_at`, a send is still worth making.
  public var ttl: Instant.Span?
  /// Segments that a text message may take, 1...10; a longer one is skipped.
  public var maxSegments: Int
  public var unsubscribe: Unsubscribe?
  /// Rows to write for what it has delivered.
  public var onSent: SentRecord?
  public var vars: [String: String]
  public var retry: RetryPolicy
  public var breaker: BreakerPolicy
  public var approval: Approval
  /// Earlier ids of this campaign: history under them counts as its own.
  public var was: [String]
  public var steps: [Step]
  public var place: Place

  public enum Status: String, CaseIterable, Sendable { case active, paused, draft }

  public enum MessageClass: String, CaseIterable, Sendable {
    case bulk
    /// Codes and alerts that were asked for: no caps, no unsubscribes, approval optional (DESIGN §2).
    case transactional
  }

  public enum Audience: Sendable {
    case contacts(ContactAudience)
    case messages(MessageTable)
  }

  public struct ContactAudience: Sendable {
    /// Indices into the contact table's `files`.
    public var files: Set<Int>
    /// Every column must have one of its values.
    public var including: [Filter]
    /// A contact that matches any of these is left out.
    public var excluding: [Filter]
    public init(files: Set<Int>, including: [Filter] = [], excluding: [Filter] = []) {
      self.files = files
      self.including = including
      self.excluding = excluding
    }
  }

  /// `column: [values]`; for `tags`, one of the contact's tags must be among the values.
  public struct Filter: Hashable, Sendable {
    public var column: String
    public var values: Set<String>
    public init(column: String, values: Set<String>) {
      self.column = column
      self.values = values
    }
  }

  public enum MailboxChoice: Hashable, Sendable {
    case ids([String])
    case tag(String)
  }

  /// RFC 2369 and RFC 8058. Both are templates.
  public struct Unsubscribe: Sendable {
    public var mailto: Template?
    public var url: Template?
    public init(mailto: Template? = nil, url: Template? = nil) {
      self.mailto = mailto
      self.url = url
    }
  }

  public init(
    id: String, status: Status = .active, messageClass: MessageClass = .bulk, priority: Int = 0,
    start: Instant? = nil, end: Instant? = nil, audience: Audience, mailboxes: MailboxChoice,
    window: Window = .always, holidays: Set<CalendarDay> = [], dailyNewLimit: Int? = nil,
    stopOn: Set<EventType> = [.reply], ttl: Instant.Span? = nil, maxSegments: Int = 10,
    unsubscribe: Unsubscribe? = nil, onSent: SentRecord? = nil, vars: [String: String] = [:],
    retry: RetryPolicy = RetryPolicy(), breaker: BreakerPolicy = BreakerPolicy(), approval: Approval = .required,
    was: [String] = [], steps: [Step],
    place: Place = Place("campaigns")
  ) {
    self.id = id
    self.status = status
    self.messageClass = messageClass
    self.priority = priority
    self.start = start
    self.end = end
    self.audience = audience
    self.mailboxes = mailboxes
    self.window = window
    self.holidays = holidays
    self.dailyNewLimit = dailyNewLimit
    self.stopOn = stopOn
    self.ttl = ttl
    self.maxSegments = maxSegments
    self.unsubscribe = unsubscribe
    self.onSent = onSent
    self.vars = vars
    self.retry = retry
    self.breaker = breaker
    self.approval = approval
    self.was = was
    self.steps = steps
    self.place = place
  }
}

/// One message of a sequence.
public struct Step: Sendable {
  /// Stable: it, not the position, is what history remembers.
  public var id: String
  public var was: [String]
  /// After the step before it, or the start; nil means with the next plan.
  public var delay: Delay?
  public var channel: StepChannel
  /// Same thread as the step before it: `Re: ` and the threading headers.
  public var reply: Bool
  /// At least one; a step without `variants` has one with an empty id.
  public var variants: [Variant]
  /// Paths relative to the project.
  public var attachments: [String]
  public var place: Place

  public enum StepChannel: String, CaseIterable, Sendable {
    case email, sms
    /// The first that the contact allows, e-mail before SMS.
    case any
    /// Each that the contact allows.
    case all

    /// What a step may go out by.
    public var channels: [Channel] {
      switch self {
      case .email: [.email]
      case .sms: [.sms]
      case .any, .all: Channel.allCases
      }
    }
  }

  public struct Variant: Sendable {
    /// Empty for a step without variants.
    public var id: String
    public var weight: Int
    public var subject: Template?
    public var text: Template?
    public var html: Template?
    public init(id: String, weight: Int = 1, subject: Template? = nil, text: Template? = nil, html: Template? = nil) {
      self.id = id
      self.weight = weight
      self.subject = subject
      self.text = text
      self.html = html
    }
    public var templates: [Template] { [subject, text, html].compactMap { $0 } }
  }

  public init(
    id: String, was: [String] = [], delay: Delay? = nil, channel: StepChannel = .email, reply: Bool = false,
    variants: [Variant], attachments: [String] = [], place: Place = Place("campaigns")
  ) {
    self.id = id
    self.was = was
    self.delay = delay
    self.channel = channel
    self.reply = reply
    self.variants = variants
    self.attachments = attachments
    self.place = place
  }
}

/// A Mustache template's text and where it stands. Messages parses, inspects and renders it.
public struct Template: Hashable, Sendable {
  public var source: String
  /// The template file's first character, or the key's value in `campaign.yaml`.
  public var place: Place
  /// Whether values are escaped for HTML.
  public var isHTML: Bool
  public init(_ source: String, place: Place, isHTML: Bool = false) {
    self.source = source
    self.place = place
    self.isHTML = isHTML
  }
}

/// What a template asks for, found by looking at the template and never at its output.
public struct TemplateNeeds: Hashable, Sendable {
  /// Must be given: a send without them is skipped, `missing-variable`.
  public var required: Set<String>
  /// Named too, with text for their absence (`{{^name}}`) or only as a section's condition.
  public var optional: Set<String>
  public init(required: Set<String> = [], optional: Set<String> = []) {
    self.required = required
    self.optional = optional.subtracting(required)
  }
  public var all: Set<String> { required.union(optional) }
  public func union(_ other: TemplateNeeds) -> TemplateNeeds {
    TemplateNeeds(required: required.union(other.required), optional: optional.union(other.optional))
  }
}

/// Renders templates for Planning, which knows no template language; Messages implements it.
public protocol TemplateRenderer: Sendable {
  func needs(of template: Template) -> TemplateNeeds
  /// - Throws: if the template is malformed or a required variable is missing.
  func render(_ template: Template, _ values: [String: String]) throws -> String
  /// The whole template as pieces, where it has only text and variables that are put in as they are: what can be
  /// rendered without making strings. Nil for any other.
  func pieces(of template: Template) -> [TemplatePiece]?
  /// What a text message comes to; nil if it cannot be made, which is for the executor to say.
  func length(of draft: SMSDraft) -> SMSLength?
}

extension TemplateRenderer {
  public func pieces(of template: Template) -> [TemplatePiece]? { nil }
  public func length(of draft: SMSDraft) -> SMSLength? { nil }
}

/// A part of a template.
public enum TemplatePiece: Hashable, Sendable {
  case text(String)
  /// `escaped` where the template asks for the escaping of its kind.
  case variable(String, escaped: Bool)
}

extension String {
  /// Whether a value counts as missing: it has no character that is not white space. A blank is never sent.
  public var isBlank: Bool {
    if let first = utf8.first, first > 0x20, first < 0x80 { return false }
    return unicodeScalars.allSatisfy { $0.properties.isWhitespace }
  }
}
