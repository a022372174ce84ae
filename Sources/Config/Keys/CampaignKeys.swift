import Model

/// `audience`: contacts or message rows.
enum AudienceKeys {
  static let contacts = Key(
    "contacts", .list(.string), "Contact files, relative to data/; globs may name several.", example: "[contacts.csv]")
  static let including = Key(
    "where", .map(.list(.text)), "Columns and the values of which each must have one.",
    example: "{country: [DE, AT]}")
  static let excluding = Key(
    "except", .map(.list(.text)), "Columns and values: who matches all of them is left out.",
    example: "{tags: [customer]}")
  static let messages = Key(
    "messages", .list(.string), "Files of message rows, relative to data/; globs may name several.",
    example: "[messages/codes-*.csv]")
  static let key = Key(
    "key", .list(.string),
    "Columns whose values make a row one of a kind; without it, all of the row but send_at does.",
    example: "[order_id]")
  static let columns = Key(
    "columns", .map(.string), "Renames columns: their name, and ours.", example: "{mail: email}")
  static let freshWithin = Key(
    "fresh_within", .span(least: .init(milliseconds: 1)),
    "A row older than this is not sent any more. It is as old as its send_at, or without one as its file.",
    example: "20h")
  static let schema = Schema(
    "audience", "Whom a campaign writes to: contacts, or message rows.",
    [
      contacts.info, including.info, excluding.info, messages.info, key.info, columns.info,
      freshWithin.info,
    ],
    rules: [
      .exactlyOne(["contacts", "messages"]), .needs("where", oneOf: ["contacts"]),
      .needs("except", oneOf: ["contacts"]), .needs("key", oneOf: ["messages"]),
      .needs("columns", oneOf: ["messages"]), .needs("fresh_within", oneOf: ["messages"]),
    ])

  /// What the file says; the files themselves are found and read later.
  struct Given: Sendable {
    var contacts: [String]?
    var including: [String: [String]]
    var excluding: [String: [String]]
    var messages: [String]?
    var key: [String]
    var columns: [String: String]
    var freshWithin: Instant.Span?
    var places: [String: Place]
    var place: Place
  }

  static let type = ValueType<Given>.object(schema) { object in
    let given = Given(
      contacts: object.given(contacts), including: object.given(including) ?? [:],
      excluding: object.given(excluding) ?? [:], messages: object.given(messages), key: object.given(key) ?? [],
      columns: object.given(columns) ?? [:], freshWithin: object.given(freshWithin),
      places: [
        "contacts": object.place(contacts), "where": object.place(including), "except": object.place(excluding),
        "messages": object.place(messages), "key": object.place(key), "columns": object.place(columns),
        "fresh_within": object.place(freshWithin),
      ], place: object.place)
    if object.has(contacts) == object.has(messages) {
      object.findings.error(object.place, "'audience' must name either 'contacts' or 'messages'")
      return nil
    }
    let stray: [(Bool, String)] =
      object.has(contacts)
      ? [
        (object.has(key), "key"), (object.has(columns), "columns"), (object.has(freshWithin), "fresh_within"),
      ]
      : [(object.has(including), "where"), (object.has(excluding), "except")]
    for (isGiven, name) in stray where isGiven {
      object.findings.error(
        given.places[name] ?? object.place,
        "'\(name)' is for an audience of \(object.has(contacts) ? "messages" : "contacts")")
    }
    if (given.contacts ?? given.messages)?.isEmpty == true {
      object.findings.error(object.place, "'audience' names no file")
    }
    return given.contacts == nil && given.messages == nil ? nil : given
  }
}

/// `mailboxes: [ids]` or `{tag: …}`.
enum MailboxChoiceKeys {
  static let tag = Key("tag", .string, required: true, "Every mailbox with this tag.", example: "sales")
  static let schema = Schema("mailboxes", "Mailboxes by tag.", [tag.info])

  static let type = ValueType<Campaign.MailboxChoice>(
    name: "a list of mailbox ids, or {tag: NAME}", shape: .either([.list(.string), .object(schema)])
  ) { node, key, findings in
    if node.entries != nil {
      return ObjectReader(node, schema, findings, called: "'\(key)'")?.given(tag).map { .tag($0) }
    }
    return ValueType<[String]>.list(.string).decode(node, key, findings).map { .ids($0) }
  }
}

/// `unsubscribe`.
enum UnsubscribeKeys {
  static let mailto = Key(
    "mailto", .string, "A template of the address that takes unsubscribes (RFC 2369).",
    example: "unsubscribe+{{send_id}}@example.com")
  static let url = Key(
    "url", .string, "A template of the https address that takes a one-click POST (RFC 8058).",
    example: "https://example.com/u/{{send_id}}")
  static let schema = Schema(
    "unsubscribe", "How a recipient unsubscribes: the List-Unsubscribe header.", [mailto.info, url.info],
    rules: [.atLeastOne(["mailto", "url"])])

  static let type = ValueType<Campaign.Unsubscribe>.object(schema) { object in
    let unsubscribe = Campaign.Unsubscribe(
      mailto: object.given(mailto).map { Template($0, place: object.place(mailto)) },
      url: object.given(url).map { Template($0, place: object.place(url)) })
    if let url = unsubscribe.url, !url.source.lowercased().hasPrefix("https://"), !url.source.hasPrefix("{{") {
      object.findings.error(url.place, "'url' must begin with https:// (RFC 8058)")
    }
    if !object.has(mailto), !object.has(url) {
      object.findings.error(object.place, "'unsubscribe' must give 'mailto', 'url' or both")
    }
    return unsubscribe
  }
}

/// `on_sent`.
enum OnSentKeys {
  static let record = Key(
    "record", .string, required: true, "The file's name; it lies in the folder of each day in the output.",
    example: "activated.csv")
  static let columns = Key(
    "columns", .list(.string), required: true,
    "Variables of the message, and " + SentRecord.own.joined(separator: ", ")
      + ". A send for which nothing gives one of them is skipped: its row could never be whole.",
    example: "[user_id, sent_at]")
  static let schema = Schema("on_sent", "Rows to write for what was delivered.", [record.info, columns.info])

  static let type = ValueType<SentRecord>.object(schema) { object in
    guard let file = object.given(record), let columns = object.given(columns) else { return nil }
    if !SentRecord.isFileName(file) {
      object.findings.error(
        object.place(record), "'record' must be a file's name that ends in .csv, such as activated.csv, not '\(file)'")
    }
    if columns.isEmpty { object.findings.error(object.place(Self.columns), "'columns' is empty; name at least one") }
    for (i, name) in columns.enumerated() {
      if columns.firstIndex(of: name) != i {
        object.findings.error(object.place(Self.columns), "'columns' has '\(name)' twice")
      } else if name.hasPrefix("mailbox.") || name == "unsubscribe_url" || name.isBlank {
        object.findings.error(
          object.place(Self.columns),
          "'columns' cannot have '\(name)': it takes variables of the message, and "
            + SentRecord.own.joined(separator: ", "))
      }
    }
    return SentRecord(file: file, columns: columns)
  }
}

/// `campaigns/<id>/campaign.yaml`.
enum CampaignKeys {
  static let status = Key(
    "status", .choice(of: Campaign.Status.allCases), default: "draft",
    "active: planned; paused: nothing is due while it lasts; draft: not begun.", example: "active")
  static let messageClass = Key(
    "class", .choice(of: Campaign.MessageClass.allCases), default: "bulk",
    "transactional (codes and alerts that were asked for): always open unless it names a window, no caps, "
      + "unsubscribes do not apply, approval optional.", example: "transactional")
  static let priority = Key(
    "priority", .integer(-1_000_000...1_000_000), default: "0", "Higher goes first.", example: "10")
  static let start = Key(
    "start", .moment, "Nothing is due before it. A bare date means its first instant in the project's zone.",
    example: "2026-11-20")
  static let end = Key(
    "end", .moment,
    "Nothing goes out from then on. A bare date means the end of that day: its next midnight in the project's zone.",
    example: "2026-12-31")
  static let audience = Key(
    "audience", AudienceKeys.type, required: true, "Whom it writes to.", example: "{contacts: [contacts.csv]}")
  static let mailboxes = Key(
    "mailboxes", MailboxChoiceKeys.type, required: true, "Who it writes from: ids, or {tag: NAME}.",
    example: "[anna, ben]")
  static let dailyNewLimit = Key(
    "daily_new_limit", .integer(0...10_000_000),
    "First steps, and message rows, that it may send on one day of the project; no limit without it.", example: "50")
  static let stopOn = Key(
    "stop_on", .list(.choice(of: EventType.allCases.filter { $0 != .sent })), default: "reply",
    "Events that end a contact's sequence.", example: "[reply, auto_reply]")
  static let ttl = Key(
    "ttl", .span(least: .init(milliseconds: 1)),
    "How long after its first plan, or its row's send_at, a send is still worth making.", example: "2d")
  static let maxSegments = Key(
    "max_segments", .integer(1...10), default: "10",
    "SMS segments that one text message may take, each of them billed: 160 characters, or 70 with any outside the GSM "
      + "alphabet; of several, 153 or 67 each. A longer text is skipped.", example: "2")
  static let unsubscribe = Key(
    "unsubscribe", UnsubscribeKeys.type, "How a recipient unsubscribes.",
    example: "{url: \"https://example.com/u/{{send_id}}\"}")
  static let was = Key(
    "was", .list(.id), "Earlier ids: history under them counts as its own.", example: "[welcome-2025]")
  static let onSent = Key(
    "on_sent", OnSentKeys.type,
    "Rows for other programs, of what was delivered: each once, and only when its message was accepted.",
    example: "{record: activated.csv, columns: [user_id, sent_at]}")
  static let steps = Key(
    "steps", StepKeys.list, "The messages, in order. An audience of messages has one, which may be left out.",
    example: "[{id: intro, subject: Hello, text: intro.txt}]")

  static let schema = Schema(
    "campaign", "A sequence of steps for an audience: campaigns/<id>/campaign.yaml.",
    [
      status.info, messageClass.info, priority.info, start.info, end.info, audience.info, mailboxes.info,
      window, holidays, dailyNewLimit.info, stopOn.info, ttl.info, maxSegments.info, unsubscribe.info, retry, breaker,
      approval, vars, was.info, onSent.info, steps.info,
    ], rules: [.requiredUnless("steps", object: "audience", has: "messages")])

  // The settings' keys, as they read here.
  private static let window = SettingsKeys.window.info.overridingSettings(
    "When it may send; a mailbox's own window must be open too. A transactional campaign without one is always open.")
  private static let holidays = SettingsKeys.holidays.info.overridingSettings(
    "Days on which its window does not open and which its business days pass over; [] for none.")
  private static let retry = SettingsKeys.retry.info.overridingSettings(
    "When a send that was put off is tried again; what it leaves out is the settings'.")
  private static let breaker = SettingsKeys.breaker.info.overridingSettings(
    "Bounces, complaints and errors above which it is stopped until a person resumes it; what it leaves out is the "
      + "settings'.")
  private static let approval = SettingsKeys.approval.info.overridingSettings(
    "Whether its lines go out only once a person has approved them. A transactional campaign that does not say is "
      + "optional.")
  private static let vars = SettingsKeys.vars.info.overridingSettings(
    "Variables for its templates; the settings' of other names are there too.")
}

/// One step, and its variants.
enum StepKeys {
  static let id = Key(
    "id", .id, required: true, "Stable: it, not the position, is what history remembers.", example: "intro")
  static let was = Key("was", .list(.id), "Earlier ids of this step.", example: "[hello]")
  static let delay = Key(
    "delay", .delay, "After the step before it; with the next plan without it. 3bd: business days.", example: "3d")
  static let channel = Key(
    "channel", .choice(of: Step.StepChannel.allCases), default: "email",
    "any: the first that the contact allows, e-mail before SMS; all: each that it allows.", example: "email")
  static let subject = Key("subject", .string, "A Mustache template.", example: "Hello {{first_name}}")
  static let text = Key(
    "text", TemplateSource.type, "The plain-text body: a file beside the campaign, or {inline: TEXT}.",
    example: "intro.txt")
  static let html = Key(
    "html", TemplateSource.type, "The HTML body: a file beside the campaign, or {inline: TEXT}.", example: "intro.html")
  static let attachments = Key(
    "attachments", .list(.string), "Files beside the campaign.", example: "[terms.pdf]")
  static let reply = Key(
    "reply", .bool, default: "false", "In the thread of the step before it, as an answer.", example: "true")
  static let variants = Key(
    "variants", .list(variant), "Alternatives, chosen by weight; what one leaves out is the step's.",
    example: "[{id: a, subject: Hello}, {id: b, subject: Good morning}]")
  static let schema = Schema(
    "step", "One message of a sequence.",
    [
      id.info, was.info, delay.info, channel.info, subject.info, text.info, html.info, attachments.info, reply.info,
      variants.info,
    ])

  static let weight = Key(
    "weight", .integer(0...1_000_000), default: "1", "Its share among the variants.", example: "2")
  static let variantSchema = Schema(
    "variant", "One alternative of a step.", [id.info, weight.info, subject.info, text.info, html.info])

  /// A subject and bodies as the file gives them.
  struct Content: Sendable {
    var id: String
    var weight = 1
    var subject: Template?
    var text: TemplateSource?
    var html: TemplateSource?
    var place: Place
  }

  struct Given: Sendable {
    var content: Content
    var was: [String]
    var delay: Delay?
    var channel: Step.StepChannel
    var attachments: [String]
    var attachmentsPlace: Place
    var reply: Bool
    var replyPlace: Place
    var variants: [Content]?
    var variantsPlace: Place
  }

  private static func content(_ object: ObjectReader) -> Content? {
    let id = object.given(id)
    let content = Content(
      id: id ?? "", subject: object.given(subject).map { Template($0, place: object.place(subject)) },
      text: object.given(text), html: object.given(html), place: object.place)
    return id == nil ? nil : content
  }

  static let variant = ValueType<Content>.object(variantSchema) { object in
    let weight = object.value(weight) ?? 1
    var content = content(object)
    content?.weight = weight
    return content
  }

  static let step = ValueType<Given>.object(schema) { object in
    let content = content(object)
    let was = object.given(was) ?? []
    let delay = object.given(delay)
    let channel = object.value(channel) ?? .email
    let attachments = object.given(attachments) ?? []
    let reply = object.value(reply) ?? false
    let variants = object.given(variants)
    guard let content else { return nil }
    return Given(
      content: content, was: was, delay: delay, channel: channel, attachments: attachments,
      attachmentsPlace: object.place(Self.attachments), reply: reply, replyPlace: object.place(Self.reply),
      variants: variants, variantsPlace: object.place(Self.variants))
  }

  static let list = ValueType<[Given]>.list(step)
}

/// `text` and `html`: a file's name, or `{inline: …}`.
struct TemplateSource: Sendable {
  enum Kind: Sendable { case file(String), inline(String) }
  var kind: Kind
  var place: Place

  static let inline = Key("inline", .string, required: true, "The template itself.", example: "Hello {{first_name}}")
  static let schema = Schema("inline template", "A template in place of a file's name.", [inline.info])

  static let type = ValueType<TemplateSource>(
    name: "a file's name or {inline: TEXT}", shape: .either([.string, .object(schema)])
  ) { node, key, findings in
    if node.entries != nil {
      guard let object = ObjectReader(node, schema, findings, called: "'\(key)'") else { return nil }
      return object.given(inline).map { TemplateSource(kind: .inline($0), place: object.place(inline)) }
    }
    guard let path = ValueType<String>.string.decode(node, key, findings) else { return nil }
    return TemplateSource(kind: .file(path), place: node.place)
  }
}
