import Model

/// Records of `results.jsonl` as lines, version 1 (DESIGN §2). Times are UTC with milliseconds; what is absent or
/// empty is left out.
public enum ResultsCodec {
  static let key = "nightmail_results"
  static let header = "{\"\(key)\":1}"

  /// Appends one record as a line, with its line break. Speed: a million intents and outcomes a night.
  public static func encode(_ record: Record, to out: inout [UInt8]) {
    encodeObject(record, to: &out)
    out.append(0x0A)
  }

  static func encodeObject(_ record: Record, to out: inout [UInt8]) {
    out.openObject()
    switch record {
    case .run(let run):
      out.member("kind", "run")
      out.member(utc: "at", run.at)
      out.member("run", run.id)
      out.member("plan", run.plan)
      out.member("host", run.host)
      out.member("pid", run.pid)
      out.member("approved_by", run.approvedBy)
    case .intent(let attempt):
      out.text("\"kind\":\"intent\"")
      encode(attempt, nil, to: &out)
    case .outcome(let attempt, let result):
      out.text("\"kind\":\"outcome\"")
      encode(attempt, result, to: &out)
    case .released(let note, let reason): encode(note, kind: "released", reason: reason.rawValue, to: &out)
    case .withdrawn(let note): encode(note, kind: "withdrawn", to: &out)
    case .requeued(let note): encode(note, kind: "requeued", to: &out)
    case .resolved(let note, let resolution):
      encode(note, kind: "resolved", resolution: resolution.rawValue, to: &out)
    }
    out.closeObject()
  }

  private static func encode(_ a: Record.Attempt, _ result: Record.Result?, to out: inout [UInt8]) {
    out.member("id", a.id.text)
    out.member("attempt", a.number)
    if let result { out.member("outcome", result.outcome.rawValue) }
    out.member(utc: "at", a.at)
    out.member(utc: "send_at", a.sendAt)
    out.member("campaign", a.campaign)
    out.member("step", a.step)
    out.member("variant", a.variant)
    out.member("batch", a.batch)
    out.member("key", unlessEmpty: a.key)
    out.member("contact", a.contact)
    out.member("channel", a.channel.rawValue)
    out.member("to", a.to)
    out.member("mailbox", a.mailbox)
    out.member("provider", unlessEmpty: a.provider)
    if let result {
      if let code = result.code { out.member("code", code) }
      out.member("enhanced_code", result.enhancedCode)
      out.member("response", unlessEmpty: result.response)
    }
    out.member("message_id", unlessEmpty: a.messageID)
    if let result {
      out.member("provider_id", result.providerID)
      out.member("ms", result.milliseconds)
      if let retryAt = result.retryAt { out.member(utc: "retry_at", retryAt) }
    }
    out.member("run", a.run)
    if let reason = result?.reason { out.member("reason", reason.rawValue) }
    out.member("subject", a.subject)
    if let expiresAt = a.expiresAt { out.member(utc: "expires_at", expiresAt) }
    if result?.isBounce == true {
      out.key("bounce")
      out.text("true")
    }
  }

  private static func encode(
    _ note: Record.Note, kind: String, reason: String? = nil, resolution: String? = nil, to out: inout [UInt8]
  ) {
    out.member("kind", kind)
    out.member("id", note.id.text)
    out.member(utc: "at", note.at)
    out.member("campaign", note.campaign)
    out.member("step", note.step)
    out.member("key", unlessEmpty: note.key)
    out.member("contact", note.contact)
    out.member("channel", note.channel.rawValue)
    out.member("to", note.to)
    out.member("mailbox", note.mailbox)
    out.member("reason", reason)
    out.member("resolution", resolution)
    if let expiresAt = note.expiresAt { out.member(utc: "expires_at", expiresAt) }
    out.member("by", note.by)
  }
}

extension ResultsCodec {
  private static let runKeys = ["kind", "at", "run", "plan", "host", "pid", "approved_by"]
  private static let noteKeys = [
    "kind", "id", "at", "campaign", "step", "key", "contact", "channel", "to", "mailbox", "expires_at", "by",
  ]
  private static let intentKeys = [
    "kind", "id", "attempt", "at", "send_at", "campaign", "step", "variant", "batch", "key", "contact", "channel", "to",
    "mailbox", "provider", "message_id", "run", "subject", "expires_at",
  ]
  private static let outcomeKeys =
    intentKeys + ["outcome", "code", "enhanced_code", "response", "provider_id", "ms", "retry_at", "reason", "bounce"]

  static func decode(_ json: JSON) throws(LineProblem) -> Record {
    switch json["kind"]?.string {
    case "run":
      let fields = try Fields(json, runKeys, what: "a run")
      return .run(
        Record.Run(
          id: try fields.string("run"), at: try fields.instant("at"), plan: try fields.string("plan"),
          host: try fields.string("host"), pid: try fields.count("pid"), approvedBy: try fields.list("approved_by")))
    case "intent": return .intent(try attempt(try Fields(json, intentKeys, what: "an intent")))
    case "outcome":
      let fields = try Fields(json, outcomeKeys, what: "an outcome")
      return .outcome(try attempt(fields), try result(fields))
    case "released":
      let fields = try Fields(json, noteKeys + ["reason"], what: "a released send")
      return .released(try note(fields), try fields.word("reason", ReleaseReason.self))
    case "withdrawn": return .withdrawn(try note(try Fields(json, noteKeys, what: "a withdrawn send")))
    case "requeued": return .requeued(try note(try Fields(json, noteKeys, what: "a requeued send")))
    case "resolved":
      let fields = try Fields(json, noteKeys + ["resolution"], what: "a resolved send")
      return .resolved(try note(fields), try fields.word("resolution", Record.Resolution.self))
    case let kind?: throw LineProblem("'\(kind)' is no kind of record")
    case nil: throw LineProblem("a record has a 'kind'")
    }
  }

  private static func attempt(_ fields: Fields) throws(LineProblem) -> Record.Attempt {
    Record.Attempt(
      id: try fields.id(), number: try fields.count("attempt"), at: try fields.instant("at"),
      sendAt: try fields.instant("send_at"), campaign: try fields.string("campaign"), step: try fields.string("step"),
      variant: try fields.optionalString("variant"), batch: try fields.optionalString("batch"),
      key: try fields.optionalString("key") ?? "", contact: try fields.string("contact"),
      channel: try fields.word("channel", Channel.self), to: try fields.string("to"),
      mailbox: try fields.string("mailbox"), provider: try fields.optionalString("provider") ?? "",
      messageID: try fields.optionalString("message_id") ?? "", subject: try fields.optionalString("subject"),
      expiresAt: try fields.optionalInstant("expires_at"), run: try fields.string("run"))
  }

  private static func result(_ fields: Fields) throws(LineProblem) -> Record.Result {
    let reason = fields["reason"] == nil ? nil : try fields.word("reason", DeadReason.self)
    let bounce: Bool
    switch fields["bounce"] {
    case nil: bounce = false
    case .bool(let b)?: bounce = b
    case let other?: throw LineProblem("'bounce' is true or false, not \(other.kind)")
    }
    return Record.Result(
      outcome: try fields.word("outcome", Record.Outcome.self), reason: reason,
      code: try fields.optionalInteger("code", 0...999_999).map(Int.init),
      enhancedCode: try fields.optionalString("enhanced_code"),
      response: try fields.optionalString("response") ?? "",
      providerID: try fields.optionalString("provider_id"),
      milliseconds: try fields.optionalInteger("ms", .min ... .max) ?? 0,
      retryAt: try fields.optionalInstant("retry_at"), isBounce: bounce)
  }

  private static func note(_ fields: Fields) throws(LineProblem) -> Record.Note {
    Record.Note(
      id: try fields.id(), at: try fields.instant("at"), campaign: try fields.string("campaign"),
      step: try fields.string("step"), key: try fields.optionalString("key") ?? "",
      contact: try fields.string("contact"), channel: try fields.word("channel", Channel.self),
      to: try fields.string("to"), mailbox: try fields.string("mailbox"),
      expiresAt: try fields.optionalInstant("expires_at"), by: try fields.optionalString("by"))
  }
}
