import Model

/// A campaign's steps, their templates read and their rules checked.
struct StepLoader {
  let campaign: CampaignLoader
  /// Message rows may bring subject and text themselves.
  let isMessages: Bool

  private var findings: Findings { campaign.findings }

  init(campaign: CampaignLoader, isMessages: Bool) {
    self.campaign = campaign
    self.isMessages = isMessages
  }

  func steps(_ object: ObjectReader) -> [Step] {
    let place = object.place(CampaignKeys.steps)
    guard object.has(CampaignKeys.steps) else {
      // Rows that bring their own text need no step written down.
      if isMessages {
        return [Step(id: "message", channel: .any, variants: [Step.Variant(id: "")], place: object.place)]
      }
      if object.has(CampaignKeys.audience) { findings.error(object.place, "campaign lacks its 'steps'") }
      return []
    }
    guard let given = object.given(CampaignKeys.steps) else { return [] }
    if given.isEmpty { findings.error(place, "'steps' is empty; a campaign has at least one") }
    if isMessages, given.count > 1 {
      findings.error(given[1].content.place, "an audience of messages has exactly one step, not \(given.count)")
    }
    checkIDs(given)
    return given.enumerated().map { i, one in step(one, isFirst: i == 0) }
  }

  private func checkIDs(_ given: [StepKeys.Given]) {
    var first: [String: Place] = [:]
    for one in given {
      if let earlier = first[one.content.id] {
        findings.error(one.content.place, "the step id '\(one.content.id)' stands twice, first in line \(earlier.line)")
      } else {
        first[one.content.id] = one.content.place
      }
    }
    for one in given {
      for old in one.was where first[old] != nil {
        findings.error(one.content.place, "'was' names '\(old)', which is a step of its own here")
      }
    }
  }

  private func step(_ given: StepKeys.Given, isFirst: Bool) -> Step {
    let own = given.content
    if given.reply, isFirst {
      findings.error(given.replyPlace, "the first step has no message to reply to; remove 'reply'")
    }
    let base = variant(own, over: nil)
    var variants = [Step.Variant(id: "", subject: base.subject, text: base.text, html: base.html)]
    if let list = given.variants {
      variants = list.map { variant($0, over: base) }
      checkVariants(list, given.variantsPlace)
    }
    let contents = given.variants ?? [own]
    for (i, variant) in variants.enumerated() where !isMessages {
      check(variant, of: given, at: i < contents.count ? contents[i].place : own.place)
    }
    let attachments = given.attachments.compactMap { attachment($0, given.attachmentsPlace) }
    return Step(
      id: own.id, was: given.was, delay: given.delay, channel: given.channel, reply: given.reply,
      variants: variants, attachments: attachments, place: own.place)
  }

  private func checkVariants(_ list: [StepKeys.Content], _ place: Place) {
    var seen: Set<String> = []
    for one in list where !seen.insert(one.id).inserted {
      findings.error(one.place, "the variant id '\(one.id)' stands twice in this step")
    }
    if list.isEmpty {
      findings.error(place, "'variants' is empty; remove it or name some")
    } else if list.allSatisfy({ $0.weight == 0 }) {
      findings.error(place, "every variant has the weight 0; none could be chosen")
    }
  }

  private func check(_ variant: Step.Variant, of given: StepKeys.Given, at place: Place) {
    let name = "step '\(given.content.id)'" + (variant.id.isEmpty ? "" : ", variant '\(variant.id)',")
    // What could not be read has been reported; that it is missing too would be noise.
    let hasText = variant.text != nil || given.content.text != nil
    let hasHTML = variant.html != nil || given.content.html != nil
    let hasOwnBody = given.variants?.contains { $0.id == variant.id && ($0.text != nil || $0.html != nil) } ?? false
    if given.channel != .sms, variant.subject == nil, !given.reply {
      findings.error(place, "\(name) has no 'subject'")
    }
    if !hasText, !hasHTML, !hasOwnBody {
      findings.error(place, "\(name) has neither 'text' nor 'html'")
    } else if given.channel != .email, !hasText, !hasOwnBody || variant.html != nil {
      findings.error(place, "\(name) may go by SMS and has no 'text'")
    }
  }

  private func variant(_ content: StepKeys.Content, over base: Step.Variant?) -> Step.Variant {
    Step.Variant(
      id: content.id, weight: content.weight, subject: content.subject ?? base?.subject,
      text: content.text.flatMap { template($0, isHTML: false) } ?? base?.text,
      html: content.html.flatMap { template($0, isHTML: true) } ?? base?.html)
  }

  private func template(_ source: TemplateSource, isHTML: Bool) -> Template? {
    switch source.kind {
    case .inline(let text): return Template(text, place: source.place, isHTML: isHTML)
    case .file(let name):
      guard let path = campaign.files.inside(name, relativeTo: campaign.folder, at: source.place, findings),
        let bytes = campaign.files.bytes(path, .template, findings, at: source.place)
      else { return nil }
      let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
      guard let text = String(validating: body, as: UTF8.self) else {
        let (line, column) = TextPosition.find(TextPosition.firstBrokenUTF8(in: body) ?? 0, in: body)
        findings.error(Place(path, line: line, column: column), "the file is not UTF-8 here; save it as UTF-8")
        return nil
      }
      return Template(text, place: Place(path, line: 1, column: 1), isHTML: isHTML)
    }
  }

  private func attachment(_ name: String, _ place: Place) -> String? {
    guard let path = campaign.files.inside(name, relativeTo: campaign.folder, at: place, findings) else { return nil }
    do throws(FileProblem) {
      let source = try ByteSource(path: campaign.files.absolute(path))
      try source.drain()
      campaign.files.record(path, source, .attachment)
      return path
    } catch {
      findings.error(place, "'\(path)': \(error.message)")
      return nil
    }
  }
}
