import Foundation
import Model
import Synchronization
import TestSupport
import Testing

/// The shipped announcement through Mailgun, SES and SendGrid, which stand on this machine.
@Suite(.timeLimit(.minutes(5)))
struct AnnouncementCampaignTests {
  private static let batch = "announcement-2026-11"
  private static let owners: Set = ["board@example.com", "owner.one@example.org", "owner.two@example.net"]

  private func project(_ services: MailServices, _ changes: [String: String] = [:]) throws -> TestProject {
    let files = try ShippedProject.drafts(["activation", "newsletter", "outreach", "property-alerts"])
    return try ShippedProject.copy(
      files.merging(["data/providers.yaml": services.providers()]) { $1 }.merging(changes) { $1 })
  }

  private func run(_ project: TestProject, _ date: String) throws -> Shell.Output {
    try project.nightmail(
      "run", "--rehearse", "--auto-approve", "--date", date, environment: MailServices.environment)
  }

  /// Of each address `attempt provider outcome`, over the days' results in their order.
  private func tries(_ project: TestProject, _ dates: String...) throws -> [String: [String]] {
    var tries: [String: [String]] = [:]
    for date in dates {
      for record in try project.records("output/rehearsal/\(date)/results.jsonl")
      where record["kind"]?.string == "outcome" {
        let words = [record["provider"]?.string ?? "", record["outcome"]?.string ?? ""].filter { !$0.isEmpty }
        tries[record["to"]?.string ?? "", default: []].append(
          "\(record["attempt"]?.integer ?? -1) \(words.joined(separator: " "))")
      }
    }
    return tries
  }

  private func stands(_ project: TestProject, _ arguments: String...) throws -> JSON {
    let output = try Shell.run(
      try #require(Program.folder) + "/nightmail",
      ["status", "--rehearse", "--batch", Self.batch, "--json"] + arguments, folder: project.path,
      environment: Program.environment)
    #expect(output.status == 0, "\(output.error)")
    return try output.out.json
  }

  @Test func theFirstServiceThatAcceptsEndsItAndEachGetsTheWholeMessage() throws {
    let services = try MailServices()
    let project = try project(services)
    #expect(try run(project, "2026-11-20").status == 0)
    #expect(services.complaints.isEmpty, "\(services.complaints)")
    #expect(services.taken.map(\.to).sorted() == Self.owners.sorted())
    #expect(services.asked.allSatisfy { $0.service == .mailgun } && services.asked.count == 3)
    let row = try ShippedProject.text("data/messages/\(Self.batch).jsonl").json
    for mail in services.taken {
      let name = row["destinations"]?.array?.first { $0["email"]?.string == mail.to }?["name"]?.string ?? "?"
      #expect(mail.content.contains("\r\nTo: \(name) <\(mail.to)>\r\n"), "\(mail.content)")
      #expect(mail.content.contains("From: Northwind Homes <news@northwind.example>\r\n"))
      #expect(mail.content.contains("Subject: The rent index for 2027\r\n"))
      #expect(mail.content.contains("multipart/alternative") && mail.content.contains("text/plain"))
      #expect(mail.content.contains("text/html") && mail.content.contains("<p>Dear owners,</p>"))
      #expect(mail.content.contains("the rent index for 2027 is out. What it means for your flats stands on"))
      #expect(mail.content.contains("Message-ID: <\(mail.id)@northwind.example>"))
    }
    #expect(try run(project, "2026-11-21").status == 0)
    #expect(services.asked.count == 3, "nothing twice")
  }

  @Test func aSandboxThatRefusesARecipientIsNotTheRecipientsFault() throws {
    let services = try MailServices { service, to in
      service == .mailgun && to != "board@example.com" || service == .ses && to.hasSuffix(".net")
        ? .isSandbox : .accepts
    }
    let project = try project(services)
    let output = try run(project, "2026-11-20")
    #expect(output.status == 0, "\(output.out)\(output.error)")
    #expect(!output.error.contains("resting"), "others may be on its list: \(output.error)")
    #expect(
      try tries(project, "2026-11-20") == [
        "board@example.com": ["1 mailgun sent"], "owner.one@example.org": ["1 mailgun retry", "2 ses sent"],
        "owner.two@example.net": ["1 mailgun retry", "2 ses retry", "3 sendgrid sent"],
      ])
    #expect(Set(services.taken.map(\.to)) == Self.owners && services.taken.count == 3)

    // At once, and told in order.
    let id = try #require(services.taken.first { $0.service == .sendgrid }?.id)
    let story = try project.nightmail(expecting: 0, "status", "--rehearse", "--id", id)
    let lines = story.split(separator: "\n").map(String.init).filter {
      $0.contains("attempt") && !$0.contains("begins")
    }
    #expect(lines.count == 3 && lines[0].contains("attempt 1 through mailgun: retry 403"), "\(story)")
    #expect(lines[1].contains("attempt 2 through ses: retry 400 MessageRejected"), "\(story)")
    #expect(lines[2].contains("attempt 3 through sendgrid: sent 202"), "\(story)")
    #expect(Set(lines.map { $0.prefix(16) }).count == 1, "within the same minute: \(story)")
    let by = try stands(project)["providers"]
    for service in MailServices.Service.allCases { #expect(by?[service.rawValue]?["sent"]?.integer == 1) }

    // Nobody is suppressed for it: the next announcement goes to all three.
    #expect(!(try project.folder.read("output/rehearsal/2026-11-20/results.jsonl").contains("bounce")))
    let next = try ShippedProject.text("data/messages/\(Self.batch).jsonl").replacing("2026-11-rents", with: "2026-12")
    try project.folder.write(next, to: "data/messages/announcement-2026-12.jsonl")
    #expect(try run(project, "2026-11-21").status == 0)
    #expect(services.taken.count == 6 && Set(services.taken.dropFirst(3).map(\.to)) == Self.owners)
    #expect(try stands(project)["totals"]?["sent"]?.integer == 3, "of this batch")
  }

  @Test func whatFailedOvernightIsTriedAgainByOneCommand() throws {
    let night = Night()
    let services = try MailServices { _, _ in night.isOver ? .accepts : .refuses }
    let project = try project(services)
    let output = try run(project, "2026-11-20")
    #expect(output.status == 3 && output.out.contains("3 dead (rejected 3)"), "\(output.out)\(output.error)")
    let refused = ["1 mailgun retry", "2 ses retry", "3 sendgrid failed"]
    #expect(try tries(project, "2026-11-20") == Dictionary(uniqueKeysWithValues: Self.owners.map { ($0, refused) }))
    let letters = try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse", "--json").json.array ?? []
    #expect(letters.count == 3 && letters.allSatisfy { $0["attempts"]?.integer == 3 })
    #expect(letters.allSatisfy { $0["response"]?.string?.contains("verified sender") == true }, "\(letters)")
    #expect(try stands(project)["dead"]?["rejected"]?.integer == 3)
    // By itself nothing of it goes out again.
    #expect(try run(project, "2026-11-21").status == 0)
    #expect(services.asked.count == 9)

    night.ends()
    let said = try project.nightmail(expecting: 0, "dead-letters", "retry", "--all", "--rehearse")
    #expect(said.contains("3 sends made due again"), "\(said)")
    #expect(try stands(project)["totals"]?["pending"]?.integer == 3)
    #expect(try run(project, "2026-11-22").status == 0)
    #expect(services.taken.map(\.to).sorted() == Self.owners.sorted())
    let status = try stands(project)
    #expect(status["totals"]?["sent"]?.integer == 3 && status["totals"]?["total"]?.integer == 3, "\(status.text)")
    #expect(status["days"]?.array?.map(\.string) == ["2026-11-20", "2026-11-22"], "\(status.text)")
    let text = try project.nightmail(expecting: 0, "status", "--rehearse", "--batch", Self.batch)
    #expect(text.contains("\(Self.batch), 2026-11-20 to 2026-11-22\n\n3 of 3 sent (100 %)"), "\(text)")
    #expect(try project.nightmail(expecting: 0, "dead-letters", "--rehearse").contains("No dead letters."))
  }

  @Test func whenAllThreeAreDownNothingIsLostAndTheNextRunDelivers() throws {
    let away = try MailServices()
    let project = try project(away)
    away.stop()
    let output = try run(project, "2026-11-20")
    #expect(output.status == 4, "\(output.out)\(output.error)")
    #expect(output.out.contains("3 released to the next plan (provider-unavailable 3)"), "\(output.out)")
    #expect(try tries(project, "2026-11-20").isEmpty, "no attempt is spent on a server that is not there")
    #expect(try stands(project)["totals"]?["released"]?.integer == 3)
    let services = try MailServices()
    try project.folder.write(try services.providers(), to: "data/providers.yaml")
    #expect(try run(project, "2026-11-21").status == 0)
    #expect(services.taken.map(\.to).sorted() == Self.owners.sorted())
    #expect(try tries(project, "2026-11-20", "2026-11-21").values.allSatisfy { $0 == ["1 mailgun sent"] })
  }

  @Test func whatIsOlderThanItsTimeToLiveIsNotTriedAgain() throws {
    let night = Night()
    let services = try MailServices { _, _ in night.isOver ? .accepts : .asksToComeAgain }
    let project = try project(services)
    // Three days and no longer, for all that the last of them could have been tried again on the fourth.
    for date in ["2026-11-20", "2026-11-21"] {
      let output = try run(project, date)
      #expect([0, 4].contains(output.status) && output.out.contains("3 released"), "\(output.out)\(output.error)")
    }
    let last = try run(project, "2026-11-22")
    #expect(last.status == 3 && last.out.contains("3 dead (expired 3)"), "\(last.out)\(last.error)")
    let tries = try tries(project, "2026-11-20", "2026-11-21", "2026-11-22")
    for (to, tries) in tries {
      let attempts = tries.dropLast().compactMap { $0.split(separator: " ").first.flatMap { Int($0) } }
      #expect(attempts == Array(1...attempts.count) && attempts.count > 10, "\(to): counted on over the days")
      #expect(tries.dropLast().allSatisfy { $0.hasSuffix(" retry") } && tries.last == "0 failed", "\(to): \(tries)")
    }
    #expect(tries.count == 3 && services.asked.count == tries.values.map { $0.count - 1 }.reduce(0, +))
    let letters = try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse", "--json").json.array ?? []
    #expect(letters.map { $0["reason"]?.string } == ["expired", "expired", "expired"])
    night.ends()
    #expect(try run(project, "2026-11-23").status == 0)
    #expect(services.taken.isEmpty, "the servers are well again, and it is too late")
    #expect(try stands(project)["dead"]?["expired"]?.integer == 3)
    // A person may think otherwise.
    try project.nightmail(expecting: 0, "dead-letters", "retry", "--reason", "expired", "--rehearse")
    #expect(try run(project, "2026-11-24").status == 0)
    #expect(services.taken.map(\.to).sorted() == Self.owners.sorted())
  }
}

/// A night that ends when the test says so.
private final class Night: Sendable {
  private let over = Mutex(false)
  var isOver: Bool { over.withLock { $0 } }
  func ends() { over.withLock { $0 = true } }
}
