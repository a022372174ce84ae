import Foundation
import Journal
import Model
import Testing

@testable import Reporting

struct PlanPageTests {
  private static let hostile = "</script><script>alert(1)</script><!--\"'&\u{202E}"

  private func page(
    _ sends: [PlannedSend], previews: [PlanPage.Preview] = [], approve: String? = "nightmail approve 2026-11-20",
    skipped: SkippedSummary = SkippedSummary(kept: 5), notes: [String] = []
  ) throws -> String {
    var lines = PlanPageLines(zone: PlanSample.berlin)
    for send in sends { lines.add(send) }
    let overview = PlanOverview(
      PlanSample.header(sends), PlanSample.tally(sends),
      project: Project(mailboxes: [try PlanSample.mailbox("anna", limit: 90)]),
      skipped: skipped, earlier: nil)
    let page = PlanPage(
      overview, lines, previews: previews, notes: notes, digest: Hex.digest([1, 2, 3]), approve: approve)
    var bytes: [UInt8] = []
    page.write { (part) throws(Never) in bytes += part }
    return try #require(String(validating: bytes, as: UTF8.self))
  }

  /// The object that the page's script reads.
  private func data(_ page: String) throws -> JSON {
    let start = try #require(page.range(of: "<script type=\"application/json\" id=\"plan\">"))
    let end = try #require(page[start.upperBound...].range(of: "</script>"))
    return try JSON(parsing: String(page[start.upperBound..<end.lowerBound]))
  }

  @Test func aHostileContactChangesNothingOfThePage() throws {
    let text = Self.hostile
    var send = PlanSample.send(1, campaign: text, mailbox: text, to: text, subject: text)
    (send.step, send.variant, send.contact) = (text, text, text + "x")
    var skipped = SkippedSummary(kept: 5)
    skipped.add(SkippedStep(contact: text, campaign: text, step: text, reason: .duplicate, detail: text))
    let message = PlanPage.Message(
      id: send.id, from: text, to: text, subject: text, text: text,
      html: "<p>\(TextTable.printable(text))\" onload=\"x</p>",
      attachments: [text])
    let page = try page(
      [send],
      previews: [
        PlanPage.Preview(campaign: text, step: text, variant: text, channel: .email, message: message),
        PlanPage.Preview(campaign: text, step: text, variant: nil, channel: .sms, problem: text),
      ], approve: "nightmail approve '\(text)'", skipped: skipped, notes: [text])
    let plain = try self.page([PlanSample.send(1)])
    func count(_ needle: String, _ text: String) -> Int { text.components(separatedBy: needle).count - 1 }
    for tag in ["<script", "</script", "<!--", "<body", "onload=\""] {
      #expect(count(tag, page) == count(tag, plain), "\(tag)")
    }
    #expect(!page.contains("\u{202E}"))
    #expect(count("<iframe ", page) == 1 && page.contains("sandbox=\"\""))
    let json = try data(page)
    #expect(json["to"]?.array?.first?.string == TextTable.printable(text))
    #expect(json["kinds"]?.array?.first?.array?.last?.string == TextTable.printable(text))
  }

  @Test func thePolicyLetsThePagesOwnScriptRunAndNothingBeFetched() throws {
    let page = try page([PlanSample.send(1)])
    let policy = try #require(page.range(of: "content=\"default-src 'none'; script-src '")).upperBound
    #expect(page[policy...].hasPrefix(HTML.source(PlanPageScript.text).dropFirst()))
    // SHA-256 of nothing, as any other tool gives it.
    #expect(HTML.source("") == "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='")
    #expect(page.contains("<script>\(PlanPageScript.text)</script>"))
    for word in ["http://", "https://", "//cdn", "@import", "url(", " src=", "href=\"/"] {
      #expect(!page.contains(word), "\(word)")
    }
  }

  @Test func theColumnsThatTheScriptReadsAreThePlansLines() throws {
    var sends = (0..<300).map { PlanSample.send($0, mailbox: $0 % 2 == 0 ? "anna" : "ben", subject: "Hello \($0)") }
    sends[7].contact = "id-7"
    let page = try page(sends)
    let json = try data(page)
    var second: Int64 = 0
    var kinds: [String] = []
    let times = (json["t"]?.array ?? []).compactMap(\.integer).map { delta -> Int64 in
      second += delta
      return second
    }
    for kind in json["k"]?.array ?? [] {
      kinds.append(json["kinds"]?.array?[Int(kind.integer ?? 0)].array?.last?.string ?? "")
    }
    let ids = try #require(json["id"]?.string)
    #expect(times == sends.map(\.sendAt.seconds) && kinds == sends.map(\.mailbox))
    #expect(ids == sends.map(\.id.text).joined())
    #expect(json["to"]?.array?.compactMap(\.string) == sends.map(\.to))
    #expect(json["s"]?.array?.compactMap(\.string) == sends.map { $0.subject ?? "" })
    #expect(json["c"] == .members(("7", .string("id-7"))))
    let quarters = json["quarters"]?.array?.compactMap { $0.array?.last?.integer } ?? []
    #expect(quarters.reduce(0, +) == 300)
    // Without scripts: the first two hundred, and word of the others.
    #expect(page.components(separatedBy: "<td role=\"cell\" class=\"to\">").count - 1 == 200)
    #expect(page.contains("The first 200 of 300."))
  }

  @Test func whatIsLeftOutOfThePageIsCountedAndSaid() throws {
    let one = PlanSample.send(1)
    let sends = [PlannedSend](repeating: one, count: PlanPage.mostSends + 1500)
    let page = try page(sends)
    #expect(page.contains("<strong>1,500 sends of 101,500 are not on this page</strong>"))
    let json = try data(page)
    #expect(json["t"]?.array?.count == PlanPage.mostSends && json["sends"]?.integer == 101_500)
  }

  @Test func aPlanWithoutSendsAndOneThatWasReplacedHavePages() throws {
    let empty = try page([])
    #expect(empty.contains("Nothing is planned.") && !empty.contains("id=\"load-h\"") && !empty.contains("#load-h"))
    #expect(try data(empty)["t"]?.array?.isEmpty == true)
    let old = try page([PlanSample.send(1)], approve: nil)
    #expect(old.contains("has been replaced") && !old.contains("id=\"command\""))
    #expect(try data(old)["approve"] == .null)
  }

  @Test func everyReferenceOfThePageIsThere() throws {
    let page = try page([PlanSample.send(1)], notes: ["note"])
    func all(_ pattern: Regex<(Substring, Substring)>) -> Set<String> {
      Set(page.matches(of: pattern).map { String($0.output.1) })
    }
    let ids = all(#/ id="([^"]+)"/#)
    for reference in all(#/aria-labelledby="([^"]+)"/#).union(all(##/href="#([^"]+)"/##)).union(all(#/ for="([^"]+)"/#))
    {
      #expect(ids.contains(reference), "\(reference)")
    }
    for id in all(#/\$\("([a-z]+)"\)/#) { #expect(ids.contains(id), "the script asks for \(id)") }
    #expect(page.matches(of: #/ id="([^"]+)"/#).count == ids.count, "no id stands twice")
  }
}
