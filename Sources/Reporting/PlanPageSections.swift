import Model

/// The page's words and tables.
extension PlanPage {
  private static let weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

  var banner: String {
    let weekday = Self.weekdays[header.date.weekday.index]
    var out = """
      <header>
      <p class="brand">Nightmail</p>
      <h1>Plan for \(weekday), <span>\(header.date)</span></h1>
      <p>\(HTML.text(header.zone.identifier)), planned from \(HTML.text(header.zone.format(header.notBefore))). \
      Nothing of it goes out before it is approved, where its campaign asks for that.</p>
      <nav aria-label="Sections"><ul><li><a href="#summary-h">Summary</a></li><li><a href="#campaigns-h">Campaigns</a></li>\
      <li><a href="#load-h">Over the day</a></li><li><a href="#mailboxes-h">Mailboxes</a></li>\
      <li><a href="#messages-h">Messages</a></li><li><a href="#sends">Sends</a></li>\
      <li><a href="#approve-h">Approve</a></li></ul></nav>
      </header>

      """
    if overview.tally.count == 0 { out = out.replacing("<li><a href=\"#load-h\">Over the day</a></li>", with: "") }
    return out
  }

  var summary: String {
    let totals = header.totals
    let used = overview.mailboxes.count { $0.planned > 0 }
    var tiles = [
      ("planned", overview.tally.count), ("deferred", totals.deferredTotal), ("skipped", totals.skippedTotal),
      ("mailboxes in use", used),
    ]
    // People take lines out of a plan and leave its header.
    let out = header.sends - overview.tally.count
    if out > 0 { tiles.insert(("taken out", out), at: 1) }
    return """
      <section aria-labelledby="summary-h">
      <h2 id="summary-h">Summary</h2>
      <dl class="tiles">\(tiles.map { "<div><dt>\($0.0)</dt><dd>\(Words.number($0.1))</dd></div>" }.joined())</dl>
      \(reasons("Deferred to the next plan", Words.counts(totals.deferred)))\
      \(reasons("Skipped", Words.counts(totals.skipped)))\
      \(reasons("Held", Words.counts(totals.held)))\
      \(reasons("Left out for their findings", header.broken.joined(separator: ", ")))\
      </section>

      """
  }

  private func reasons(_ title: String, _ text: String) -> String {
    text.isEmpty ? "" : "<p>\(title): \(HTML.text(text)).</p>\n"
  }

  var warnings: String {
    let said = notes + overview.warnings.map(\.message)
    guard !said.isEmpty else { return "" }
    return """
      <section class="look" aria-labelledby="look-h">
      <h2 id="look-h">Worth a look</h2>
      <ul>\(said.map { "<li>\(HTML.text($0))</li>" }.joined())</ul>
      </section>

      """
  }

  var campaigns: String {
    var out = """
      <section aria-labelledby="campaigns-h">
      <h2 id="campaigns-h">Campaigns</h2>
      <div class="wide" role="region" aria-labelledby="campaigns-h" tabindex="0">
      <table><thead><tr><th scope="col">campaign</th>

      """
    for name in ["due", "planned", "deferred", "skipped", "waiting", "ended"] {
      out += "<th scope=\"col\" class=\"n\">\(name)</th>"
    }
    out += "</tr></thead>\n<tbody>\n"
    func row(_ name: String, _ t: PlanTotals) -> String {
      let numbers = [t.due, t.planned, t.deferredTotal, t.skippedTotal, t.waiting, t.ended]
      return "<tr><th scope=\"row\">\(HTML.text(name))</th>\(numbers.map(Self.number).joined())</tr>\n"
    }
    for (id, totals) in header.campaigns.sorted(by: { $0.key < $1.key }) { out += row(id, totals) }
    out += "</tbody>\n"
    if header.campaigns.count > 1 { out += "<tfoot>\(row("all", header.totals))</tfoot>\n" }
    out += """
      </table></div>
      <p class="note">Due is planned, deferred and skipped together. Waiting: their time is still to come. Ended: \
      sequences that are through.</p>

      """
    return out + notPlanned + "</section>\n"
  }

  private var notPlanned: String {
    let rows = overview.notPlanned
    guard !rows.isEmpty else { return "" }
    var out = """
      <table class="hours"><caption>Due and not planned</caption><thead><tr><th scope="col">campaign</th>\
      <th scope="col">what</th><th scope="col">reason</th><th scope="col" class="n">sends</th></tr></thead><tbody>

      """
    for row in rows {
      out += "<tr><th scope=\"row\">\(HTML.text(row.campaign))</th><td>\(row.what)</td><td>\(row.reason)</td>"
      out += Self.number(row.count) + "</tr>\n"
    }
    return out + "</tbody></table>\n"
  }

  var skipped: String {
    guard !overview.skipped.examples.isEmpty else { return "" }
    let all = overview.skipped.counts.values.reduce(0) { $0 + $1.values.reduce(0, +) }
    let shown = overview.skipped.examples.count
    var out = """
      <section aria-labelledby="skipped-h">
      <h2 id="skipped-h">Skipped</h2>
      <details><summary>\(all > shown ? "\(Words.number(shown)) of " : "")\
      \(Words.count(all, "step")), with the reason</summary>
      <div class="wide" role="region" aria-labelledby="skipped-h" tabindex="0">
      <table><thead><tr><th scope="col">contact</th><th scope="col">campaign</th><th scope="col">step</th>\
      <th scope="col">reason</th><th scope="col">detail</th></tr></thead>
      <tbody>

      """
    for step in overview.skipped.examples {
      out += """
        <tr><th scope="row">\(HTML.text(step.contact))</th><td>\(HTML.text(step.campaign))</td>\
        <td>\(HTML.text(step.step))</td><td>\(step.reason.rawValue)</td><td>\(HTML.text(step.detail))</td></tr>

        """
    }
    return out + "</tbody></table></div></details>\n</section>\n"
  }

  // MARK: - Messages

  var previewParts: [String] {
    var parts = [
      """
      <section aria-labelledby="messages-h">
      <h2 id="messages-h">Messages</h2>
      <p class="note">Each step as the first contact of this plan gets it. Pictures from the network are not loaded, and \
      links lead nowhere here.</p>

      """
    ]
    if previews.isEmpty { parts.append("<p>Nothing is planned.</p>\n") }
    for (number, preview) in previews.enumerated() { parts.append(self.preview(preview, number)) }
    return parts + ["</section>\n"]
  }

  private func preview(_ preview: Preview, _ number: Int) -> String {
    let name = [preview.campaign, preview.step, preview.variant].compactMap { $0 }.joined(separator: " / ")
    let channel = preview.channel == .sms ? " (text message)" : ""
    var out = "<article aria-labelledby=\"m\(number)\"><h3 id=\"m\(number)\">\(HTML.text(name))\(channel)</h3>\n"
    guard let message = preview.message else {
      out += "<p>\(HTML.text(preview.problem ?? "No send of this step is in the plan."))</p>\n"
      return out + "</article>\n"
    }
    out += "<dl class=\"mail\"><div><dt>From</dt><dd>\(HTML.text(message.from))</dd></div>"
    out += "<div><dt>To</dt><dd>\(HTML.text(message.to))</dd></div>"
    if let subject = message.subject { out += "<div><dt>Subject</dt><dd><b>\(HTML.text(subject))</b></dd></div>" }
    if !message.attachments.isEmpty {
      out += "<div><dt>Attached</dt><dd>\(HTML.text(message.attachments.joined(separator: ", ")))</dd></div>"
    }
    out += "</dl>\n"
    if let html = message.html {
      // Of many, those that are not in sight wait; few are there at once, on paper too.
      let lazy = number < 12 ? "" : " loading=\"lazy\""
      out += """
        <details open><summary>HTML</summary>
        <iframe title="\(HTML.text(name)): the message as HTML" sandbox="" referrerpolicy="no-referrer"\(lazy) \
        srcdoc="\(HTML.document(html))"></iframe></details>

        """
    }
    if let text = message.text {
      let isOnly = message.html == nil
      out +=
        "<details\(isOnly ? " open" : "")><summary>Text</summary>\n<pre tabindex=\"0\">\(HTML.lines(text))</pre></details>\n"
    }
    return out
      + "<p class=\"note\">nightmail show --message \(message.id.text.prefix(12)) has every header.</p>\n</article>\n"
  }

  // MARK: - Sends

  var listHead: String {
    let all = overview.tally.count
    let left = all - lines.count
    var out = """
      <section aria-labelledby="sends">
      <h2 id="sends">Sends</h2>

      """
    if left > 0 {
      out +=
        "<p><strong>\(Words.count(left, "send")) of \(Words.number(all)) \(left == 1 ? "is" : "are") not on this page</strong>, "
        + "the latest of the day; plan.jsonl has them all, and they are approved with the others.</p>\n"
    }
    if lines.count > lines.plain.count {
      out +=
        "<p class=\"nojs\">The first \(Words.number(lines.plain.count)) of \(Words.number(all)). With scripts on, "
        + "all of them can be searched and sorted here; plan.jsonl has them too.</p>\n"
    }
    out += """
      <div class="controls js">
      <label for="search">Search</label> <input id="search" type="search" autocomplete="off" spellcheck="false">
      <button type="button" id="untick">Untick all listed</button> <button type="button" id="tick">Tick all listed</button>
      <p id="found" role="status"></p>
      </div>
      <div id="list" role="region" aria-labelledby="sends" tabindex="0">
      <table class="sends" role="table" aria-labelledby="sends" aria-rowcount="\(lines.count + 1)">
      <thead role="rowgroup"><tr role="row" aria-rowindex="1"><th role="columnheader" scope="col" class="tick">send</th>\
      <th role="columnheader" scope="col" class="time" data-sort="t" aria-sort="ascending">time</th>\
      <th role="columnheader" scope="col" class="to" data-sort="to">to</th>\
      <th role="columnheader" scope="col" class="subject" data-sort="s">subject</th>\
      <th role="columnheader" scope="col" class="step" data-sort="k">campaign and step</th>\
      <th role="columnheader" scope="col" class="mailbox" data-sort="m">mailbox</th></tr></thead>
      <tbody role="rowgroup">

      """
    return out
  }

  var listFoot: String { "</tbody></table></div>\n</section>\n" }

  var approval: String {
    var out = "<section aria-labelledby=\"approve-h\">\n<h2 id=\"approve-h\">Approve</h2>\n"
    guard let approve else {
      return out + "<p>This plan has been replaced by a later one, and cannot be approved.</p>\n</section>\n"
    }
    let command = "\(approve) --sha256 \(digest.dropFirst("sha256:".count).prefix(16))"
    out += """
      <p><span class="js">Untick what should not go out: this command then withdraws it for good and approves the rest.</span>\
      <span class="nojs">What should not go out is withdrawn for good by --without and its ids, which stand in plan.jsonl.</span> \
      The command approves the plan that this page shows and no other.</p>
      <p id="verdict" role="status" class="js"></p>
      <pre tabindex="0" aria-label="The approve command"><code id="command">\(HTML.text(command))</code></pre>
      <p class="js"><button type="button" id="copy">Copy the command</button> <span id="copied" role="status"></span></p>
      </section>

      """
    return out
  }

  var footer: String {
    """
    <footer><p>Plan \(HTML.text(digest)). Time-zone data \(HTML.text(header.tzdata)), seed \(header.seed). \
    This page holds personal data: it is as private as the plan.</p></footer>

    """
  }
}
