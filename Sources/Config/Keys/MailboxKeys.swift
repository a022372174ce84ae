import Model

/// An entry of `data/mailboxes.yaml`, or a row of `data/mailboxes.csv` with the same keys as columns.
enum MailboxKeys {
  static let id = Key("id", .id, required: true, "What campaigns and contacts call it.", example: "anna")
  static let from = Key(
    "from", .sender, required: true,
    "Who the mail is from: an address makes it an e-mail mailbox, a number an SMS one.",
    example: "Anna Schmidt <anna@example.com>")
  static let replyTo = Key(
    "reply_to", .address, "Where answers go, if not to the sender.", example: "replies@example.com")
  static let dailyLimit = Key(
    "daily_limit", .integer(0...10_000_000), "Sends on one calendar day in the mailbox's zone; no limit without it.",
    example: "50")
  static let hourlyLimit = Key(
    "hourly_limit", .integer(0...10_000_000),
    "Sends in one clock hour in the mailbox's zone; no limit without it. An hour that the clock shows twice is one.",
    example: "20")
  static let rollingLimit = Key(
    "rolling_limit", .integer(0...10_000_000), "Sends in any 24 hours; no limit without it.", example: "500")
  static let ramp = Key(
    "ramp", RampKeys.type,
    "A daily limit that grows, for a new mailbox; the lower of it and daily_limit holds. In mailboxes.csv its keys are "
      + "the columns ramp_from, ramp_step, ramp_every_days and ramp_start.",
    example: "{from: 10, step: 5, every_days: 2, start: 2026-11-01}")
  static let minGap = Key(
    "min_gap", .span(), default: "0s", "The least time between two attempts.", example: "90s")
  static let window = Key(
    "window", .window, default: "always", "When it may send; the campaign's window must be open too.",
    example: "mon-fri 08:00-18:00 mailbox")
  static let timezone = Key(
    "timezone", .zone, "Where its days begin and `mailbox` windows are read; the project's zone without it.",
    example: "Europe/Berlin")
  static let providers = Key(
    "providers", .list(.id), required: true, "Ids of providers, first choice first.", example: "[main, backup]")
  static let tags = Key("tags", .list(.string), "For campaigns that take mailboxes by tag.", example: "[sales]")
  static let vars = Key(
    "vars", .map(.text), "Variables for templates, as {{mailbox.NAME}}.", example: "{title: Head of Sales}")

  static let dkim = Key(
    "dkim", .list(DKIMKeys.type),
    "Signs the mailbox's mail (DKIM); several signatures as a list, one for each kind of key. In mailboxes.csv its keys "
      + "are the columns dkim_domain, dkim_selector and dkim_key_file.",
    example: "{domain: example.com, selector: s1, key_file: s1.pem}")

  static let schema = Schema(
    "mailbox", "A sending identity: data/mailboxes.yaml or mailboxes.csv.",
    [
      id.info, from.info, replyTo.info, dailyLimit.info, hourlyLimit.info, rollingLimit.info, ramp.info, minGap.info,
      window.info, timezone.info, providers.info, tags.info, vars.info, dkim.info,
    ])

  /// Nil if a key that makes it what it is is missing or wrong.
  static func mailbox(_ object: ObjectReader, settings: Settings) -> Mailbox? {
    let id = object.given(id)
    let sender = object.given(from)
    let chain = object.given(providers)
    let reply = object.given(replyTo)
    let limit = object.given(dailyLimit)
    let hourly = object.given(hourlyLimit)
    let rolling = object.given(rollingLimit)
    let growth = object.given(ramp)
    let gap = object.value(minGap) ?? .zero
    let open = object.value(window) ?? .always
    let zone = object.given(timezone) ?? settings.zone
    let words = object.given(tags) ?? []
    let values = object.given(vars) ?? [:]
    let signatures = object.given(dkim) ?? []
    if chain?.isEmpty == true {
      object.findings.error(object.place(providers), "'providers' is empty; name at least one provider")
    }
    if case .sms? = sender, object.has(replyTo) {
      object.findings.error(object.place(replyTo), "'reply_to' is for e-mail; an SMS mailbox has none")
    }
    if case .sms? = sender, object.has(dkim) {
      object.findings.error(object.place(dkim), "'dkim' is for e-mail; an SMS mailbox has nothing to sign")
    }
    if let limit, let growth, growth.from > limit {
      object.findings.warning(
        object.place(ramp),
        "'ramp' begins with \(growth.from) a day and 'daily_limit' allows \(limit): it changes nothing")
    }
    guard let id, let sender, let chain else { return nil }
    return Mailbox(
      id: id, sender: sender, replyTo: reply, dailyLimit: limit, hourlyLimit: hourly, rollingLimit: rolling,
      ramp: growth, minGap: gap, window: open, zone: zone, providers: chain, tags: words, vars: values,
      dkim: signatures, place: object.place)
  }
}

/// `ramp`: how a new mailbox is warmed up.
enum RampKeys {
  static let from = Key(
    "from", .integer(0...10_000_000), required: true, "Sends a day at first.", example: "10")
  static let step = Key(
    "step", .integer(0...10_000_000), required: true, "How many more it may send after each every_days days.",
    example: "5")
  static let everyDays = Key(
    "every_days", .integer(1...3660), default: "1", "Days between two steps.", example: "2")
  static let start = Key(
    "start", .date, required: true, "The first day, on the mailbox's clock; before it the mailbox sends nothing.",
    example: "2026-11-01")
  static let schema = Schema(
    "ramp", "A daily limit that grows from day to day.", [from.info, step.info, everyDays.info, start.info])

  static let type = ValueType<Mailbox.Ramp>.object(schema) { object in
    let first = object.given(from)
    let more = object.given(step)
    let days = object.value(everyDays) ?? 1
    let day = object.given(start)
    guard let first, let more, let day else { return nil }
    return Mailbox.Ramp(from: first, step: more, everyDays: days, start: day)
  }
}

/// One entry of `dkim`: who vouches for the mail, and with which key.
enum DKIMKeys {
  static let domain = Key(
    "domain", .string, required: true,
    "The domain that vouches for the mail: that of the From address or a parent of it, or DMARC does not count it.",
    example: "example.com")
  static let selector = Key(
    "selector", .text, required: true, "Which of the domain's keys: its record is at SELECTOR._domainkey.DOMAIN.",
    example: "s1")
  static let keyFile = Key(
    "key_file", .string, required: true,
    "The private key, RSA of 2048 bits at least or Ed25519, as PEM; relative to the project. Keep it out of git: "
      + "nightmail dkim keygen makes one.",
    example: "s1.pem")
  static let schema = Schema(
    "dkim", "A DKIM signature on the mailbox's mail (RFC 6376).", [domain.info, selector.info, keyFile.info])

  static let type = ValueType<Mailbox.DKIM>.object(schema) { object in
    let domainText = object.given(domain)
    let selectorText = object.given(selector)
    let path = object.given(keyFile)
    let name = domainText.flatMap { EmailAddress.domain($0) }
    if let domainText, name == nil {
      object.findings.error(
        object.place(domain), "'domain' must be a host name such as example.com, not '\(domainText)'")
    }
    // RFC 6376 §3.1: labels with dots between them.
    let isSelector = selectorText.map { EmailAddress.domain($0 + ".example")?.hasSuffix(".example") == true } ?? false
    if let selectorText, !isSelector {
      object.findings.error(
        object.place(selector), "'selector' must be letters, digits, '-' and dots such as s1, not '\(selectorText)'")
    }
    guard let name, let selectorText, isSelector, let path else { return nil }
    return Mailbox.DKIM(
      domain: name, selector: selectorText.lowercased(), keyFile: path, place: object.place(keyFile))
  }
}
