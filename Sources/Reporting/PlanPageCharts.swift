import Model

/// The page's pictures: drawn here, so that they are there without scripts; the script only writes the clock anew.
extension PlanPage {
  /// The time that the pictures span: whole hours from the first send to the last.
  private struct Scale {
    let start: Int64
    let end: Int64

    init?(_ tally: PlanTally, _ zone: Zone) {
      let hours = tally.hours(in: zone)
      guard let first = hours.first, let last = hours.last else { return nil }
      start = first.start.seconds
      end = last.start.seconds + 3600
    }

    /// Per mille of the width.
    func x(_ second: Int64) -> Int { Int((second - start) * 1000 / (end - start)) }
    var hours: Int64 { (end - start) / 3600 }
  }

  /// Bars of quarters of an hour as one path, in a box of 1000 by `height`.
  private static func bars(_ quarters: [Int64: Int], _ scale: Scale, most: Int, height: Int) -> String {
    quarters.sorted { $0.key < $1.key }.map { quarter, count in
      let second = quarter * PlanTally.quarter
      let (x, end) = (scale.x(second), scale.x(second + PlanTally.quarter))
      let tall = max(1, count * height / max(1, most))
      return "M\(x) \(height)v-\(tall)h\(max(1, end - x))v\(tall)z"
    }.joined()
  }

  private func ticks(_ scale: Scale) -> String {
    let step: Int64 = scale.hours > 16 ? 3 : scale.hours > 8 ? 2 : 1
    var out = "<div class=\"ticks\" aria-hidden=\"true\">"
    for second in stride(from: scale.start, through: scale.end, by: Int(step * 3600)) {
      let x = Double(scale.x(second)) / 10
      out += "<span style=\"left:\(x)%\">\(Self.time(Instant(seconds: second), header.zone))</span>"
    }
    return out + "</div>\n"
  }

  /// The load over the day.
  var load: String {
    let tally = overview.tally
    guard let scale = Scale(tally, header.zone) else { return "" }
    var quarters: [Int64: Int] = [:]
    for group in tally.groups { quarters.merge(group.quarters, uniquingKeysWith: +) }
    let most = quarters.values.max() ?? 0
    let hours = tally.hours(in: header.zone)
    let busiest = hours.max { $0.count < $1.count }
    let words =
      busiest.map {
        "The fullest hour begins at \(header.zone.clock($0.start)) with \(Words.count($0.count, "send"))."
      } ?? ""
    var out = """
      <section aria-labelledby="load-h">
      <h2 id="load-h">Over the day</h2>
      <p class="controls js"><label for="zone">Clock</label> <select id="zone"></select></p>
      <figure>
      <div class="curve"><svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="Sends by quarter of \
      an hour. \(words)"><path d="\(Self.bars(quarters, scale, most: most, height: 100))"/></svg></div>
      \(ticks(scale))<figcaption>Sends by quarter of an hour, at most \(Words.number(most)). \(words) Clock: \
      <span class="zone">\(HTML.text(header.zone.identifier))</span>.</figcaption>
      </figure>
      <details><summary>By hour, as a table</summary>
      <table class="hours"><caption>Sends by hour (<span class="zone">\(HTML.text(header.zone.identifier))</span>)</caption>
      <thead><tr><th scope="col">from</th><th scope="col" class="n">sends</th></tr></thead><tbody id="hours">

      """
    for hour in hours {
      out += "<tr><th scope=\"row\">\(header.zone.clock(hour.start))</th>\(Self.number(hour.count))</tr>\n"
    }
    return out + "</tbody></table></details>\n</section>\n"
  }

  /// A timeline a mailbox.
  var mailboxes: String {
    let loads = overview.mailboxes.sorted { ($1.planned, $0.id) < ($0.planned, $1.id) }
    guard !loads.isEmpty else { return "" }
    let scale = Scale(overview.tally, header.zone)
    var byMailbox: [String: [Int64: Int]] = [:]
    for group in overview.tally.groups {
      byMailbox[group.kind.mailbox, default: [:]].merge(group.quarters, uniquingKeysWith: +)
    }
    let most = byMailbox.values.compactMap { $0.values.max() }.max() ?? 0
    var out = """
      <section aria-labelledby="mailboxes-h">
      <h2 id="mailboxes-h">Mailboxes</h2>
      <div class="tall" role="region" aria-labelledby="mailboxes-h" tabindex="0">
      <table class="mailboxes" role="table" aria-labelledby="mailboxes-h">
      <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">mailbox</th>\
      <th role="columnheader" scope="col" class="n">planned</th><th role="columnheader" scope="col" class="n">limit</th>\
      <th role="columnheader" scope="col">first to last</th><th role="columnheader" scope="col" class="strip">over the day</th>\
      </tr></thead>
      <tbody role="rowgroup">

      """
    for load in loads.prefix(Self.mostMailboxes) {
      let isFull = load.limit.map { $0 > 0 && load.planned >= $0 } ?? false
      let limit = load.limit.map(Words.number) ?? "none"
      let span = load.first.flatMap { first in
        load.last.map { "\(Self.time(first, header.zone)) to \(Self.time($0, header.zone))" }
      }
      var strip = ""
      if let scale, let quarters = byMailbox[load.id] {
        strip =
          "<svg viewBox=\"0 0 1000 24\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
          + "<path d=\"\(Self.bars(quarters, scale, most: most, height: 24))\"/></svg>"
      }
      out += """
        <tr role="row"><th role="rowheader" scope="row">\(HTML.text(load.id))\
        \(load.address.map { "<small>\(HTML.text($0))</small>" } ?? "")</th>\
        <td role="cell" class="n">\(Words.number(load.planned))<span class="of"> of \(limit)</span></td>\
        <td role="cell" class="n limit">\(limit)\(isFull ? " <strong>full</strong>" : "")</td>\
        <td role="cell" class="span">\(span ?? "nothing planned")</td><td role="cell" class="strip">\(strip)</td></tr>

        """
    }
    out += "</tbody>\n"
    if let scale {
      out +=
        "<tfoot aria-hidden=\"true\"><tr><td colspan=\"4\"></td><td class=\"strip\">\(ticks(scale))</td></tr></tfoot>\n"
    }
    out += "</table></div>\n"
    if loads.count > Self.mostMailboxes {
      out += "<p>… and \(Words.count(loads.count - Self.mostMailboxes, "mailbox", "mailboxes")) with fewer sends.</p>\n"
    }
    return out + "</section>\n"
  }
}
