import Model
import Testing

@testable import Messages

private struct Wrong: Sendable {
  var source: String
  var line: Int
  var column: Int
  var says: String
}

@Test(arguments: [
  Wrong(source: "Hi\n  {{#vip}}x\n", line: 2, column: 3, says: "{{#vip}} is never closed"),
  Wrong(source: "{{#a}}x{{/b}}", line: 1, column: 8, says: "{{/b}} does not close {{#a}} of line 1"),
  Wrong(source: "{{#a}}\n{{#b}}\n{{/a}}", line: 3, column: 1, says: "{{/a}} does not close {{#b}} of line 2"),
  Wrong(source: "x {{/a}}", line: 1, column: 3, says: "was never opened"),
  Wrong(source: "é👩‍👩‍👧 {{>footer}}", line: 1, column: 4, says: "partials are not supported"),
  Wrong(source: "a\r\nb\r\n{{<layout}}x", line: 3, column: 1, says: "inheritance is not supported"),
  Wrong(source: "{{$block}}", line: 1, column: 1, says: "inheritance is not supported"),
  Wrong(source: "\n{{=<% %>=}}", line: 2, column: 1, says: "delimiters cannot be changed"),
  Wrong(source: "{{% CONTENT_TYPE:TEXT}}", line: 1, column: 1, says: "settings inside a template"),
  Wrong(source: "{{uppercased(name)}}", line: 1, column: 1, says: "functions are not supported"),
  Wrong(source: "Dear {{contact.name}}", line: 1, column: 6, says: "names with a dot"),
  Wrong(source: "{{mailbox.a.b}}", line: 1, column: 1, says: "names with a dot"),
  Wrong(source: "{{#list}}{{.}}{{/list}}", line: 1, column: 10, says: "names with a dot"),
  Wrong(source: "{{mailbox}}", line: 1, column: 1, says: "mailbox.name"),
  Wrong(source: "{{first name}}", line: 1, column: 1, says: "'first name' is no variable's name"),
  Wrong(source: "{{größe}}", line: 1, column: 1, says: "is no variable's name"),
  Wrong(source: "{{}}", line: 1, column: 1, says: "name is missing"),
  Wrong(source: "Hello {{name", line: 1, column: 7, says: "not closed by '}}' on the same line"),
  Wrong(source: "Hello {{\nname}}", line: 1, column: 7, says: "not closed by '}}' on the same line"),
  Wrong(source: "Hello {{{name}}", line: 1, column: 7, says: "has to be closed by '}}}'"),
  Wrong(source: "{{! no end", line: 1, column: 1, says: "comment is never closed"),
])
private func aMalformedTemplateIsFoundWithItsPlace(_ row: Wrong) {
  let findings = TemplateEngine().inspect(Make.template(row.source)).findings
  #expect(findings.count == 1, "\(row.source): \(findings)")
  guard let finding = findings.first else { return }
  #expect(finding.severity == .error)
  #expect(finding.place == Place("campaigns/c/t.txt", line: row.line, column: row.column), "\(finding)")
  #expect(finding.message.contains(row.says), "\(finding)")
}

@Test func everyMistakeOfATemplateIsReportedAtOnce() {
  let source = "{{>a}}\n{{b.c}}\n{{/d}}\n{{#e}}"
  let findings = TemplateEngine().inspect(Make.template(source)).findings
  #expect(findings.map(\.place.line) == [1, 2, 3, 4])
}

@Test func aTemplateThatBeginsInsideAFileCountsFromThere() {
  let template = Template("x{{>a}}\ny{{>b}}", place: Place("campaigns/c/t.txt", line: 10, column: 5))
  #expect(
    TemplateEngine().inspect(template).findings.map(\.place) == [
      Place("campaigns/c/t.txt", line: 10, column: 6), Place("campaigns/c/t.txt", line: 11, column: 2),
    ])
}

@Test func anInlineTextsFindingStandsAtTheKeyAndSaysWhereInTheText() {
  let template = Template("Hello\n{{>a}}", place: Place("campaigns/c/campaign.yaml", line: 12, column: 13))
  let finding = TemplateEngine().inspect(template).findings.first
  #expect(finding?.place == Place("campaigns/c/campaign.yaml", line: 12, column: 13))
  #expect(finding?.message.hasSuffix("(line 2, character 1 of the text)") == true)
}

private func check(_ campaign: Campaign, vars: [String: String] = [:]) throws -> [Finding] {
  MessageFindings.check(project: Project(campaigns: [campaign], mailboxes: [try Make.mailbox(vars: vars)]))
}
private let link = Campaign.Unsubscribe(
  mailto: Make.template("leave+{{send_id}}@example.com"), url: Make.template("https://example.com/u/{{send_id}}"))

@Test func aSoundCampaignHasNoFindings() throws {
  let campaign = Make.campaign(
    text: "Hi {{name}}\n{{mailbox.name}} {{mailbox.team}}\n{{unsubscribe_url}}", html: "<p>{{name}}",
    subject: "Hi {{name}}",
    unsubscribe: link)
  #expect(try check(campaign, vars: ["team": "Sales"]) == [])
}

@Test func allTemplatesOfAProjectAreChecked() throws {
  let unsubscribe = Campaign.Unsubscribe(
    mailto: Make.template("{{>m}}", file: "m"), url: Make.template("https://x.com/{{>u}}", file: "u"))
  let campaign = Make.campaign(text: "\n{{>t}}", html: "{{>h}}", subject: "{{>s}}", unsubscribe: unsubscribe)
  let places = try check(campaign).map(\.place.description)
  #expect(
    places == [
      "campaigns/c/campaign.yaml:1:1", "campaigns/c/t.html:1:1", "campaigns/c/t.txt:2:1", "m:1:1", "u:1:15",
    ])
}

@Test func aSubjectWithALineBreakIsAnError() throws {
  let findings = try check(Make.campaign(text: "x", subject: "Hello\nBcc: a@b.com", unsubscribe: link))
  #expect(findings.count == 1)
  #expect(findings.first?.severity == .error)
  #expect(findings.first?.message.contains("a subject is one line") == true)
}

@Test func aBulkCampaignWithoutUnsubscribeIsWarnedOf() throws {
  let findings = try check(Make.campaign(text: "x"))
  #expect(findings.map(\.severity) == [.warning])
  #expect(findings.first?.place == Place("campaigns/c/campaign.yaml"))
  #expect(try check(Make.campaign(.transactional, text: "x")) == [])
  #expect(try check(Make.campaign(text: "x", channel: .sms)) == [])
  let mailtoOnly = Campaign.Unsubscribe(mailto: Make.template("leave@example.com"))
  #expect(try check(Make.campaign(text: "x", unsubscribe: mailtoOnly)).first?.message.contains("RFC 8058") == true)
}

@Test(arguments: ["javascript:alert(1)", "example.com/u", "https://", "ftp://example.com/"])
func anUnsubscribeThatIsNoWebAddressIsAnError(_ url: String) throws {
  let campaign = Make.campaign(text: "x", unsubscribe: Campaign.Unsubscribe(url: Make.template(url)))
  #expect(try check(campaign).contains { $0.severity == .error && $0.message.contains("unsubscribe url") })
}

@Test func anUnsubscribeThatIsNoMailAddressIsAnError() throws {
  var unsubscribe = link
  unsubscribe.mailto = Make.template("nobody")
  let findings = try check(Make.campaign(text: "x", unsubscribe: unsubscribe))
  #expect(findings.map(\.message) == ["unsubscribe mailto is no e-mail address"])
}

@Test func namesThatCanNeverHaveAValueAreErrors() throws {
  let campaign = Make.campaign(
    .transactional, text: "{{mailbox.signature}}\n{{unsubscribe_url}}", subject: "{{unsubscribe_url}}")
  let findings = try check(campaign)
  #expect(
    findings.map(\.place.description) == [
      "campaigns/c/campaign.yaml:1:1", "campaigns/c/t.txt:1:1", "campaigns/c/t.txt:2:1",
    ])
  #expect(findings.allSatisfy { $0.severity == .error })
  #expect(try check(Make.campaign(.transactional, text: "{{#mailbox.x}}{{mailbox.x}}{{/mailbox.x}}")) == [])
}

@Test func onlyMailboxesOfTheTemplatesChannelHaveToHaveItsVars() throws {
  var phone = try Make.mailbox(vars: ["team": "Sales"])
  phone.id = "phone"
  phone.sender = .sms(try #require(PhoneNumber("+4930123456")))
  var campaign = Make.campaign(.transactional, text: "{{mailbox.team}}", html: "{{mailbox.logo}}", channel: .any)
  campaign.mailboxes = .ids(["anna", "phone"])
  let project = Project(campaigns: [campaign], mailboxes: [try Make.mailbox(vars: ["logo": "x"]), phone])
  let findings = MessageFindings.check(project: project)
  #expect(
    findings.map(\.message) == ["{{mailbox.team}} has no value for mailbox 'anna'; add 'team' to its vars"])
}
