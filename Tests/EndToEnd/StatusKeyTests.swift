import Foundation
import Model
import TestSupport
import Testing

@testable import nightmail

/// `status --key`: message rows by the values of the columns that make them one of a kind.
@Suite(.timeLimit(.minutes(5)))
struct StatusKeyTests {
  private func row(_ values: [String: String]) -> MessageRow {
    MessageRow(values: values, key: "k", batch: "b", place: Place("data/messages/b.csv", line: 2))
  }

  @Test func aKeyIsAskedForByItsValuesWithOrWithoutTheirColumns() {
    let columns = ["code", "user_id"]
    func question(_ words: String...) -> KeyQuestion { KeyQuestion(words, columns: Set(columns)) }
    let row = row(["user_id": "7", "code": "a=b", "email": "ada@example.com"])
    for words in [["7"], ["user_id=7"], ["a=b"], ["code=a=b"], ["7", "a=b"], ["user_id=7", "code=a=b"]] {
      #expect(KeyQuestion(words, columns: Set(columns)).isMet(by: row, keyColumns: columns), "\(words)")
    }
    for words in [["8"], ["code=7"], ["7", "x"], ["ada@example.com"], ["email=ada@example.com"]] {
      #expect(!KeyQuestion(words, columns: Set(columns)).isMet(by: row, keyColumns: columns), "\(words)")
    }
    #expect(question("ada@example.com").isMet(by: row, keyColumns: []), "all of the row is its key")
    // The whole key needs no row.
    #expect(question("7").wholeKey(["user_id"]) == MessageRow.key(["user_id", "7"]))
    #expect(question("user_id=7").wholeKey(["user_id"]) == MessageRow.key(["user_id", "7"]))
    #expect(question("code=7").wholeKey(["user_id"]) == nil)
    #expect(
      question("user_id=7", "code=x").wholeKey(columns) == MessageRow.key(["code", "x", "user_id", "7"]))
    #expect(question("7", "x").wholeKey(columns) == nil && question("user_id=7").wholeKey(columns) == nil)
    #expect(question("7").wholeKey([]) == nil)
  }

  @Test func rowsOfSeveralCampaignsAndOfOneNoticeToManyAreFound() throws {
    let many = (0..<30).map { #"{"email":"d\#($0)@example.com"}"# }.joined(separator: ",")
    let project = try ShippedProject.copy([
      "data/messages/announcement-many.jsonl":
        #"{"notice":"many","destinations":[\#(many)],"subject":"Hello","text":"x"}"# + "\n",
      "data/messages/alerts.csv": try ShippedProject.text("data/messages/alerts.csv")
        + "u-1001,,other@example.com,,Hello,x,\nlate,,late@example.com,,Hello,x,soon\n",
    ])
    let date = "2026-11-20"
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", date)
    let pending = try project.nightmail(expecting: 0, "status", "--rehearse", "--key", "u-1001")
    #expect(pending.contains("property-alerts/alert to other@example.com: pending"), "\(pending)")
    try project.nightmail(expecting: 0, "send", "--rehearse", "--auto-approve", date)
    let both = try project.nightmail(expecting: 0, "status", "--rehearse", "--key", "u-1001")
    #expect(both.contains("activation/code to ida@example.com: sent"), "\(both)")
    #expect(both.contains("property-alerts/alert to other@example.com: sent"))
    let one = try project.nightmail(
      expecting: 0, "status", "--rehearse", "--key", "u-1001", "--key", "code=481-920", "--campaign", "activation")
    #expect(one.contains("to ida@example.com: sent") && !one.contains("other@example.com"), "\(one)")
    // Many are told in a table.
    let table = try project.nightmail(expecting: 0, "status", "--rehearse", "--key", "notice=many")
    #expect(table.split(separator: "\n").count { $0.hasPrefix("2026-11-20T") && $0.contains(" sent ") } == 30)
    #expect(!table.contains("attempt 1"))
    let json = try project.nightmail(expecting: 0, "status", "--rehearse", "--key", "many", "--json").json
    #expect(json["sends"]?.array?.count == 30 && json["rows"]?.array?.count == 30)
    // A row that cannot be read is found by its key all the same.
    let late = try project.nightmail(expecting: 0, "status", "--rehearse", "--key", "late")
    #expect(late.contains("invalid-row: send_at: 'soon' is no time"), "\(late)")
    for words in [["--id", "ab"], ["--contact", "ada@example.com"], ["--watch"]] {
      let output = try Shell.run(
        try #require(Program.folder) + "/nightmail", ["status", "--key", "x"] + words, folder: project.path,
        environment: Program.environment)
      #expect(output.status == 1 && output.error.contains("--key"), "\(words) \(output.error)")
    }
  }
}
