import Foundation
import Testing

@testable import Config
@testable import Model

struct DataTests {
  func contacts(_ files: [String: String]) throws -> (table: ContactTable, findings: [String]) {
    var all = Sample.good
    for path in all.keys where path.hasPrefix("campaigns/welcome/") { all[path] = nil }
    all["data/contacts.csv"] = nil
    let (project, findings) = try Sample(all, files).load()
    return (try #require(project).contacts, findings)
  }

  func messages(_ name: String, _ text: String, audience: String = "") throws -> MessageTable {
    let sample = try Sample(
      Sample.good,
      [
        "campaigns/codes/campaign.yaml": "audience: {messages: [messages/\(name)]\(audience)}\nmailboxes: [ben]\n",
        "data/messages/\(name)": text,
      ])
    let (project, findings) = sample.load()
    #expect(findings == [])
    guard case .messages(let table)? = project?.campaigns.first?.audience else { throw FileProblem("no table") }
    return table
  }

  @Test func theSameIdMergesAndAnyOptOutWins() throws {
    let (table, findings) = try contacts([
      "data/contacts.csv": "id,email,first_name,email_enabled,sms_enabled\nu1,,Ada,,yes\nu2,bob@example.com,Bob,yes,\n",
      "data/contacts/crm.csv":
        "ID;E-Mail;Phone;Company;First Name;Email Enabled;sms_enabled\n"
        + "u1;Ada@Example.com;+49 151 12345678;Acme;Augusta;NO;\nu2;;;;;;No\n",
      "data/contacts/.hidden.csv": "x\n1\n", "data/contacts/a.csv.tmp": "x\n",
    ])
    #expect(findings == [])
    #expect(table.files == ["data/contacts.csv", "data/contacts/crm.csv"])
    let ada = try #require(table.find("u1"))
    #expect(ada.email?.canonical == "ada@example.com" && ada.phone?.e164 == "+4915112345678")
    #expect(table.value("first_name", of: ada) == "Ada" && table.value("company", of: ada) == "Acme")
    #expect(!ada.emailEnabled && ada.smsEnabled && ada.files == [0, 1])
    #expect(table.value("email_enabled", of: ada) == "no")
    let bob = try #require(table.find("bob@example.com"))
    #expect(bob.emailEnabled && !bob.smsEnabled)
    #expect(table.contacts.allSatisfy { $0.values.count == table.columns.count })
  }

  @Test func theSameAddressUnderTwoIdsIsADuplicateAndItsOptOutHolds() throws {
    let (table, _) = try contacts([
      "data/contacts.csv": "id,email,email_enabled\nu1,ada@example.com,\n,ADA@example.com,no\nu3,bob@example.com,\n"
    ])
    #expect(table.contacts.map(\.defect?.reason) == [nil, .duplicate, nil])
    #expect(
      table.contacts[1].defect?.detail
        == "ada@example.com (data/contacts.csv:3) stands as 'u1' already (data/contacts.csv:2)")
    #expect(table.contacts.map(\.emailEnabled) == [false, false, true])
  }

  @Test func aDuplicatesIdIsAnotherNameOfTheContactThatIsKept() throws {
    let (table, _) = try contacts([
      "data/contacts.csv": "id,email\nu1,ada@example.com\nu2,ada@example.com\nu3,bob@example.com\n,ADA@example.com\n"
    ])
    #expect(table.otherNames(0) == ["u2", "ada@example.com"])
    #expect(table.view(0).hasOtherNames && !table.view(2).hasOtherNames && table.otherNames(2).isEmpty)
  }

  @Test func oneContactOfANumberGetsItsTextMessages() throws {
    let (table, _) = try contacts([
      "data/contacts.csv": """
      id,email,phone,sms_enabled
      u1,ada@example.com,+4915112345678,
      u2,bob@example.com,+49 151 12345678,yes
      u3,cy@example.com,+4915112345678,yes
      u4,,+4915112345678,yes
      u5,eve@example.com,+4915187654321,yes
      u6,fay@example.com,+4915187654321,no

      """
    ])
    #expect((0..<6).map { table.view($0).allows(.sms) } == [false, true, false, true, false, false])
    #expect((0..<6).map { table.view($0).allows(.email) } == [true, true, true, false, true, true])
    #expect(table.contacts.map(\.defect?.reason) == [nil, nil, nil, .duplicate, nil, nil])
    #expect(
      table.takenNumber(2)?.detail
        == "+4915112345678 (data/contacts.csv:4) stands as 'u2' already (data/contacts.csv:3)")
    #expect(table.takenNumber(1) == nil && table.otherNames(1) == ["u4"])
  }

  @Test func badRowsAreSetAsideAndTheRestStays() throws {
    let (table, findings) = try contacts([
      "data/contacts.csv": """
      id,email,timezone,added_at,email_enabled
      ,ada@example.com,Mars/Base,,
      ,bob@example.com,,yesterday,
      ,cy@example.com
      , not an address ,,,
      u5,also bad,,,
      u6,,,,
      ,,Europe/Berlin,,
      ,dan@example.com,Europe/Berlin,2026-11-20,perhaps

      """
    ])
    #expect(
      table.rejected.map { "\($0.place) \($0.detail)" } == [
        "data/contacts.csv:2:18 'Mars/Base' is no IANA time zone, such as Europe/Berlin",
        "data/contacts.csv:3:19 'yesterday' is no date or time, such as 2026-11-20",
        "data/contacts.csv:4:1 the row has 2 fields and the header 5",
        "data/contacts.csv:8 the row has no address, no phone number and no id",
        "data/contacts.csv:7 'u6' has no address and no phone number",
      ])
    #expect(table.rejected.allSatisfy { $0.reason == .invalidRow })
    #expect(table.contacts.map(\.key) == ["not an address", "u5", "dan@example.com"])
    #expect(table.contacts.map(\.defect?.reason) == [.invalidAddress, .invalidAddress, nil])
    #expect(table.contacts[2].emailEnabled == false)
    #expect(table.contacts[2].addedAt == Instant("2026-11-20T00:00:00+01:00"))
    #expect(
      findings == [
        "data/contacts.csv:9:43: warning: 'email_enabled' must be yes or no, not 'perhaps'; it is taken for no"
      ])
  }

  @Test func messageRowsHaveAKeyThatDependsOnWhatMakesThemOneOfAKind() throws {
    let text =
      "email,order_id,text,send_at\na@example.com,7,Hi,2026-11-20 09:00\na@example.com,7,Hi,2026-11-21 09:00\n"
      + "a@example.com,8,Hi,\n"
    let all = try messages("m.csv", text).rows
    #expect(all[0].key == all[1].key && all[0].key != all[2].key && all[0].key.count == 32)
    #expect(all[0].sendAt == Instant("2026-11-20T08:00:00Z") && all[0].batch == "m")
    let keyed = try messages("m.csv", text, audience: ", key: [order_id]").rows
    #expect(keyed[0].key == keyed[1].key && keyed[0].key != keyed[2].key && keyed[0].key != all[0].key)
    // The order of columns, and of key columns, does not matter.
    let turned = try messages("m.csv", "text,order_id,email\nHi,7,a@example.com\n").rows
    #expect(turned[0].key == all[0].key)
    let shifted = try messages(
      "m.csv", "a,b,email\n12,3,x@example.com\n1,23,x@example.com\n", audience: ", key: [a, b]")
    #expect(shifted.rows[0].key != shifted.rows[1].key)
    #expect(MessageRow.key(["order_id", "7"]) == keyed[0].key)
  }

  @Test func aCellThatIsNoAddressOrNumberIsKeptWithItsChannel() throws {
    let table = try messages(
      "m.csv", "id,contact,email,phone\n1,,a@example.com,12\n2,,nobody,+4915187654321\n3,ada,,x\n4,,nobody,\n",
      audience: ", key: [id]")
    #expect(table.rows.map(\.broken) == [[.sms: "12"], [.email: "nobody"], [.sms: "x"], [.email: "nobody"]])
    #expect(table.rows.map { $0.defect?.reason } == [nil, nil, nil, .invalidAddress])
    #expect(table.keyColumns == ["id"])
    let (contacts, _) = try contacts([
      "data/contacts.csv": "id,email,phone\nu1,a@example.com,12\nu2,b@exa mple.com,+4915187654321\nu3,c@example.com,\n"
    ])
    #expect((0..<3).map { contacts.brokenAddress($0, .sms) } == ["12", nil, nil])
    #expect((0..<3).map { contacts.brokenAddress($0, .email) } == [nil, "b@exa mple.com", nil])
  }

  @Test func aJSONLinesRowMakesOneSendForEachDestination() throws {
    let table = try messages(
      "alerts.jsonl",
      "\u{FEFF}{\"severity\":3,\"orderID\":\"a\",\"late\":true,\"gone\":null,\"destinations\":[{\"email\":\"A@example.com\",\"name\":\"Ada\"},"
        + "{\"email\":\"b@example.com\"},{\"email\":\"nobody\"},{\"mail\":\"x\"}]}\r\n\n{\"email\":\"c@example.com\",\"text\":\"Hi\"}\n"
        + "{\"email\":1}\n{\"text\":\"x\"}\n{\"a\":1,}\n[]")
    #expect(table.rows.map { $0.email?.canonical } == ["a@example.com", "b@example.com", nil, "c@example.com", nil])
    #expect(Set(table.rows.map(\.key)).count == 5)
    #expect(
      table.rows[0].values == [
        "severity": "3", "order_id": "a", "late": "true", "email": "A@example.com", "name": "Ada",
      ])
    #expect(table.rows[0].name == "Ada" && table.rows[1].name == nil)
    #expect(table.rows[2].defect?.reason == .invalidAddress)
    #expect(
      table.rejected.map { "\($0.place) \($0.detail)" } == [
        "data/messages/alerts.jsonl:1 destination 4 must be {email, name}",
        "data/messages/alerts.jsonl:5 the row names no contact, no email and no phone",
        "data/messages/alerts.jsonl:6:8 not valid JSON: expected a key in quotes",
        "data/messages/alerts.jsonl:7 the line must be an object, not a list",
      ])
  }

  @Test func aMessageRowWithoutItsKeyOrWithABadTimeIsRejected() throws {
    let table = try messages(
      "m.csv", "mail,order_id,send_at\na@example.com,,\nb@example.com,2,soon\nc@example.com,3,\n",
      audience: ", key: [order_id], columns: {mail: email}")
    #expect(table.rows.map { $0.email?.canonical } == ["c@example.com"])
    #expect(
      table.rejected.map(\.detail) == [
        "the row has no value for its key column 'order_id'",
        "send_at: 'soon' is no time, such as 2026-11-20T09:00:00+01:00",
      ])
    #expect(table.rejected.map(\.key) == [nil, MessageRow.key(["order_id", "2"])])
  }

  @Test func appendedRowsComeBackAsTheyWere() throws {
    let sample = try Sample()
    let event = Event(
      at: Instant(milliseconds: 1_795_000_000_123), type: .bounce, contact: "ada@example.com", campaign: "welcome",
      messageID: "<1@x>", detail: "550 \"no\",\r\nsuch user; ü ")
    for _ in 0..<3 { try DataFile.append(event, folder: sample.folder) }
    let before = ProjectLoader.dropsFingerprint(folder: sample.folder)
    #expect(before == ProjectLoader.dropsFingerprint(folder: sample.folder))
    let until = try #require(Instant("2026-12-01T12:00:00Z"))
    let place = Place("data/suppressions.csv", line: 4)
    let suppression = Suppression(value: "+4915112345678", reason: "asked; twice", until: until, place: place)
    try DataFile.append(suppression, folder: sample.folder)
    #expect(before != ProjectLoader.dropsFingerprint(folder: sample.folder))
    let drops = ProjectLoader.loadDrops(folder: sample.folder)
    #expect(drops.findings == [] && drops.isGood)
    #expect(drops.files == ["data/suppressions.csv", "data/events.csv", "data/events/old.jsonl"])
    var trimmed = event
    trimmed.detail = "550 \"no\",\r\nsuch user; ü"
    #expect(drops.events.prefix(3) == [trimmed, trimmed, trimmed])
    #expect(drops.suppressions.last == suppression)
    #expect(try sample.text("data/events.csv").hasPrefix("at,type,contact,campaign,step,message_id,detail\n"))
  }

  @Test func anAppendKeepsTheFilesOwnOrderDelimiterAndLineEnds() throws {
    let sample = try Sample(
      Sample.good, ["data/suppressions.csv": "Reason;Note;Value\r\nasked;x;a@example.com"])
    try DataFile.append(
      Suppression(value: "@example.org", reason: "a,b", place: Place("x")), folder: sample.folder)
    #expect(
      try sample.text("data/suppressions.csv")
        == "Reason;Note;Value\r\nasked;x;a@example.com\r\n\"a,b\";;@example.org\r\n")
    let before = try sample.text("data/suppressions.csv")
    #expect(throws: FileProblem("data/suppressions.csv has no column 'campaign'; add it to its first line")) {
      try DataFile.append(Suppression(value: "b@example.org", campaign: "x", place: Place("x")), folder: sample.folder)
    }
    #expect(throws: FileProblem.self) {
      try DataFile.append(Suppression(value: "nobody", place: Place("x")), folder: sample.folder)
    }
    #expect(try sample.text("data/suppressions.csv") == before)
  }

  @Test func appendsAtTheSameTimeAllArrive() async throws {
    let sample = try Sample()
    let folder = sample.folder
    try await withThrowingTaskGroup { group in
      for i in 0..<40 {
        group.addTask {
          try DataFile.append(
            Event(at: Instant(seconds: 1_795_000_000), type: .reply, contact: "user\(i)@example.com"), folder: folder)
        }
      }
      try await group.waitForAll()
    }
    let drops = ProjectLoader.loadDrops(folder: folder)
    #expect(drops.findings == [])
    #expect(Set(drops.events.map(\.contact)).count == 41)
    withExtendedLifetime(sample) {}
  }

  @Test func unreadableDropsAreErrorsAndNeverFewerSuppressionsInSilence() throws {
    let sample = try Sample()
    try sample.write("data/suppressions.csv", Array("value,reason\nada@example.com,\"half".utf8))
    let drops = ProjectLoader.loadDrops(folder: sample.folder)
    #expect(!drops.isGood)
  }
}
