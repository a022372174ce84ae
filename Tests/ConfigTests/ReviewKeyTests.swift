import Testing

@testable import Config
@testable import Model

/// `review` in settings: who is mailed, and from which mailbox.
struct ReviewKeyTests {
  private func load(_ review: String) throws -> (project: Project?, findings: [String]) {
    try Sample(Sample.good, ["campaigns/settings.yaml": "timezone: Europe/Berlin\nreview: \(review)\n"]).load()
  }

  @Test func reviewersAreReadEachOnce() throws {
    let (project, findings) = try load("{to: [me@example.com, Ada <ada@example.com>, ME@example.com], mailbox: ben}")
    #expect(findings == [])
    let review = try #require(project?.settings.review)
    #expect(review.to.map(\.address.canonical) == ["me@example.com", "ada@example.com"])
    #expect(review.to.map(\.name) == [nil, "Ada"])
    #expect(review.mailbox == "ben")
    // One address may stand for a list of one.
    #expect(try load("{to: me@example.com, mailbox: ben}").project?.settings.review?.to.count == 1)
    #expect(try load("{to: [me@example.com], mailbox: ben}").project?.settings.review != nil)
  }

  @Test(arguments: [
    ("{to: [me@example.com], mailbox: bem}", "there is no mailbox 'bem'; did you mean 'ben'?"),
    ("{to: [me@example.com], mailbox: text}", "needs a mailbox for e-mail, and 'text' is for text messages"),
    ("{to: [], mailbox: ben}", "'to' names nobody"),
    ("{to: [me], mailbox: ben}", "'to' must be an address"),
    ("{to: [\"+4915112345678\"], mailbox: ben}", "'to' must be an address"),
    ("{mailbox: ben}", "review lacks its 'to'"),
    ("{to: [me@example.com]}", "review lacks its 'mailbox'"),
    ("{to: [me@example.com], mailbox: ben, cc: x}", "unknown key 'cc' in review"),
    ("me@example.com", "must be a mapping"),
  ])
  func aWrongReviewIsAFindingWithItsPlace(_ review: String, _ words: String) throws {
    let (project, findings) = try load(review)
    #expect(project == nil && findings.count == 1, "\(findings)")
    #expect(findings.first?.hasPrefix("campaigns/settings.yaml:2:") == true, "\(findings)")
    #expect(findings.first?.contains(words) == true, "\(findings)")
  }

  @Test func aBrokenMailboxIsReportedWhereItStandsAlone() throws {
    var files = Sample.good
    files["data/mailboxes.csv"] = files["data/mailboxes.csv"]?.replacing("ben@example.com", with: "nobody")
    let findings = try Sample(
      files, ["campaigns/settings.yaml": "review: {to: [me@example.com], mailbox: ben}\n"]
    ).load().findings
    #expect(!findings.contains { $0.hasPrefix("campaigns/settings.yaml") }, "\(findings)")
    #expect(findings.contains { $0.hasPrefix("data/mailboxes.csv") }, "\(findings)")
  }
}
