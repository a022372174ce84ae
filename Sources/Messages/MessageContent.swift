import Model

/// What a send says, its templates rendered: the same for whoever composes it and for whoever only measures it.
struct MessageContent {
  var text: String?
  var html: String?
  var unsubscribe = UnsubscribeLinks()

  /// A message row's own words.
  init(text: String? = nil, html: String? = nil) {
    self.text = text
    self.html = html
  }

  /// - Parameters:
  ///   - values: the plan's; those that the composer gives by itself are set here.
  ///   - isLinked: whether the message needs links to unsubscribe even where its templates name none.
  init(
    text: Template?, html: Template?, id: SendID, values: [String: String], mailbox: Mailbox,
    unsubscribe: Campaign.Unsubscribe?, isLinked: Bool, engine: TemplateEngine
  ) throws(RenderProblem) {
    var values = values
    let (text, html) = (text.map(engine.kept), html.map(engine.kept))
    let needsLink = isLinked || text?.namesLink == true || html?.namesLink == true
    if needsLink || text?.namesID == true || html?.namesID == true { values["send_id"] = id.text }
    if values["unsubscribe_url"] != nil { values["unsubscribe_url"] = nil }
    if needsLink {
      for template in [unsubscribe?.url, unsubscribe?.mailto] {
        Self.add(mailbox, to: &values, for: template.map(engine.kept))
      }
      self.unsubscribe = try UnsubscribeLinks(unsubscribe, values: values, engine: engine)
      values["unsubscribe_url"] = self.unsubscribe.visible
    }
    Self.add(mailbox, to: &values, for: text)
    Self.add(mailbox, to: &values, for: html)
    if let text { self.text = try engine.render(text, values) }
    if let html { self.html = try engine.render(html, values) }
  }

  /// The `mailbox.…` values that a template names. The plan's own never count: the mailbox may have changed since.
  private static func add(
    _ mailbox: Mailbox, to values: inout [String: String], for template: TemplateEngine.Kept?
  ) {
    guard let template else { return }
    for name in template.ofMailbox {
      values[TemplateEngine.mailboxPrefix + name] = mailbox.variable(name)
    }
  }

  /// As a text message; nil if there is nothing to say. A template file ends with a line break that nobody means to pay
  /// for.
  var smsText: String? {
    guard let text, !text.isBlank else { return nil }
    var rest = text[...]
    while rest.last?.isNewline == true { rest = rest.dropLast() }
    return String(rest)
  }
}
