import Model

/// Holds text messages against their campaign's `max_segments`: one that would be billed as more is not planned. Only
/// steps that go out by SMS are rendered for it; e-mails never come here.
struct SegmentLimit {
  let day: PlanningDay
  let live: LiveCampaign

  /// - Parameters:
  ///   - mailbox: the one that it must take; nil if any may be: then it has to fit from each of them.
  ///   - literal: a message row's own text.
  ///   - value: of contact or row; blank counts as none.
  /// - Returns: why the message is too long, as a skipped step's detail; nil if it fits, or cannot be made at all.
  func excess(
    id: SendID, step: Int, variant: Int, mailbox: Int?, literal: RowSend.Literal?, value: (String) -> String?
  ) -> String? {
    let body: SMSDraft.Body
    var names: [String] = []
    if let literal, literal.hasBody {
      guard let text = literal.text else { return nil }
      body = .literal(text)
    } else {
      guard let template = live.campaign.steps[step].variants[variant].text else { return nil }
      body = .template(template)
      let needs = live.needs[step][variant]
      names = needs.body.all.union(needs.always.all).sorted()
    }
    let choices = mailbox.map { [$0] } ?? live.mailboxes[.sms] ?? []
    let own = names.map { ($0, value($0)) }
    let isOfMailbox = names.contains { name in
      name.hasPrefix("mailbox.") || choices.contains { day.project.mailboxes[$0].vars[name] != nil }
    }
    for i in isOfMailbox ? choices[...] : choices.prefix(1) {
      let mailbox = day.project.mailboxes[i]
      var values: [String: String] = [:]
      for (name, own) in own {
        values[name] = [own, mailbox.vars[name], live.campaign.vars[name]].compactMap { $0 }.first { !$0.isBlank }
      }
      let draft = SMSDraft(
        id: id, body: body, mailbox: mailbox, unsubscribe: live.campaign.unsubscribe, values: values)
      guard let length = day.renderer.length(of: draft), length.segments > live.campaign.maxSegments else { continue }
      let unit = length.encoding == .gsm7 ? "characters of the GSM alphabet" : "UCS-2 units"
      return "the text takes \(length.segments) SMS segments (\(length.units) \(unit)), "
        + "max_segments allows \(live.campaign.maxSegments)"
    }
    return nil
  }
}
