import Foundation
import Model
import TestSupport
import Testing

/// The shipped campaign `property-alerts` against an SMTP server and a Twilio on this machine.
@Suite(.timeLimit(.minutes(5)))
struct PropertyAlertsCampaignTests {
  private static let date = "2026-11-20"

  /// The shipped project with both servers in the place of its folders. Each answer of theirs is a different one.
  private final class Night {
    let mail: ScriptedSMTPServer
    let twilio: ScriptedHTTPServer
    let project: TestProject

    /// - Parameters:
    ///   - rows: lines of alerts.csv after the shipped ones.
    ///   - contacts: lines after the shipped ones.
    ///   - mailRate, textRate: of the providers.
    ///   - first: Twilio's first answers.
    ///   - isAlone: the other campaigns are left out, and today lasts for hours.
    init(
      rows: String = "", contacts: String = "", changes: [String: String] = [:], mailRate: String = "100/s",
      textRate: String = "100/s", first: [HTTPAnswer] = [], isAlone: Bool = false
    ) throws {
      mail = try ScriptedSMTPServer(
        SMTPScript(attempts: (0..<300).map { .init(message: .reply("250 2.0.0 Ok: queued as Q\($0).")) }))
      twilio = try ScriptedHTTPServer(
        first + (0..<300).map { .reply(201, body: #"{"sid":"SM\#($0).","status":"queued"}"#) })
      var files = changes
      files["data/messages/alerts.csv"] = try ShippedProject.text("data/messages/alerts.csv") + rows
      files["data/contacts.csv"] = try ShippedProject.text("data/contacts.csv") + contacts
      files["data/providers.yaml"] = """
        - id: relay
          type: smtp
          host: localhost
          port: \(mail.port)
          tls: none
          max_connections: 1
          rate: \(mailRate)
        - id: twilio
          type: twilio
          account_sid: AC01
          auth_token: {env: TWILIO_TOKEN}
          max_connections: 1
          base_url: http://127.0.0.1:\(twilio.port)
          rate: \(textRate)
        - {id: mailgun, type: file}
        - {id: ses, type: file}
        - {id: sendgrid, type: file}
        - {id: gateway, type: file}

        """
      if isAlone {
        files["campaigns/settings.yaml"] = try ShippedProject.text("campaigns/settings.yaml")
          .replacing("timezone: Europe/Berlin", with: "timezone: \(Daytime.zone)")
      }
      project = try ShippedProject.copy(files)
      if isAlone {
        for other in ShippedProjectTests.campaigns.subtracting(["property-alerts"]) {
          try FileManager.default.removeItem(atPath: project.folder.file("campaigns/\(other)"))
        }
      }
    }

    static let environment = ["TWILIO_TOKEN": "token-0123456789"]

    func run(_ date: String = PropertyAlertsCampaignTests.date) throws {
      let output = try project.nightmail(
        "run", "--rehearse", "--auto-approve", "--date", date, environment: Self.environment)
      #expect(output.status == 0, "\(output.out)\(output.error)")
    }

    /// What the servers took of the campaign: `email ADDRESS: SUBJECT` and `sms NUMBER: TEXT`.
    var delivered: [String] {
      let letters = mail.messages.filter { $0.from == "alerts@northwind.example" }.map { message in
        let subject = message.text.split(separator: "\r\n").first { $0.hasPrefix("Subject: ") }?.dropFirst(9) ?? ""
        return "email \(message.to.joined(separator: " ")): \(subject)"
      }
      return letters + texts.map { "sms \($0["To"] ?? ""): \($0["Body"] ?? "")" }
    }

    var texts: [[String: String]] {
      twilio.requests.map { request in
        let fields = URLComponents(string: "?" + request.text.replacing("+", with: "%20"))?.queryItems ?? []
        return Dictionary(fields.map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { a, _ in a })
      }
    }

    /// Whoever was written to, an address or number each time.
    var recipients: [String] {
      delivered.compactMap { $0.split(separator: " ").dropFirst().first.map { String($0.dropLast()) } }
    }

    func outcomes(_ date: String = PropertyAlertsCampaignTests.date) throws -> [JSON] {
      try project.records("output/rehearsal/\(date)/results.jsonl").filter {
        $0["campaign"]?.string == "property-alerts" && $0["kind"]?.string == "outcome"
      }
    }

    /// `reason contact: detail` of the campaign's skipped rows.
    func skipped(_ date: String = PropertyAlertsCampaignTests.date) throws -> [String] {
      try project.records("output/rehearsal/\(date)/skipped.jsonl").filter {
        $0["campaign"]?.string == "property-alerts"
      }.map {
        "\($0["reason"]?.string ?? "") \($0["contact"]?.string ?? ""): \($0["detail"]?.string ?? "")"
      }
    }
  }

  private static let water = "The water in Lindenstrasse 4 is off on Tuesday from 9 to 11."
  private static let viewing = "Your viewing of 12 Park Row is at 15:00 today. Ring 2 for entry."
  private static let heating = "The heating in Domstrasse 8 works again. Thank you for your patience."
  private static let parcel = "A parcel for flat 3 is in the office until 18:00."

  /// By e-mail, by text message or by both, as the contact wants it, and not before its time.
  @Test func anAlertGoesByTheChannelsThatItsContactWantsAndNoEarlierThanItSays() throws {
    let night = try Night(rows: "A-7006,donald@example.net,,,The lift works,It does.,\n")
    try night.run()
    #expect(
      night.delivered.sorted() == [
        "email caretaker@example.com: Boiler room left open", "email donald@example.net: The lift works",
        "email maria@example.net: Water off on Tuesday", "sms +447700900123: \(Self.viewing)",
        "sms +491713920011: \(Self.water)", "sms +491713920013: \(Self.heating)",
        "sms +491713920015: \(Self.parcel)",
      ])
    let letter = try #require(night.mail.messages.first { $0.to == ["maria@example.net"] })
    #expect(letter.text.contains("From: Northwind Alerts <alerts@northwind.example>\r\n"))
    #expect(letter.text.hasSuffix("\r\n\r\n\(Self.water)\r\n") || letter.text.hasSuffix("\r\n\r\n\(Self.water)"))
    #expect(night.texts.allSatisfy { $0["From"] == "+491713920099" })
    let request = try #require(night.twilio.requests.first)
    #expect(request.method == "POST" && request.target == "/2010-04-01/Accounts/AC01/Messages.json")
    let login = Data("AC01:token-0123456789".utf8).base64EncodedString()
    #expect(request.fields["authorization"] == "Basic \(login)")
    // 09:00 in Berlin is 08:00 by UTC; the others go as the day begins.
    let times = Dictionary(
      try night.outcomes().map { ($0["to"]?.string ?? "", $0["at"]?.string ?? "") }, uniquingKeysWith: { a, _ in a })
    #expect(times["+447700900123"]?.hasPrefix("2026-11-20T08:00:0") == true, "\(times)")
    #expect(times["+491713920015"]?.hasPrefix("2026-11-19T23:00:") == true, "\(times)")
  }

  @Test func aNumberOrAddressThatIsNoneIsCaughtBeforeAnythingIsSent() throws {
    let night = try Night(
      rows: """
        B-1,,nobody,,One,x,
        B-2,,half@example.com,12345,Two,x,
        B-3,,half@exa mple.com,+491713920020,Three,x,
        B-4,maria@example.net,,0171-nope,Four,x,
        B-5,badnumber,,,Five,x,
        B-6,ghost,,,Six,x,
        B-7,,late@example.com,,Seven,x,tomorrow
        ,,keyless@example.com,,Eight,x,
        B-9,badaddress,,,Nine,x,

        """,
      contacts: """
        badnumber,five@example.com,49-171,,,,,Europe/Berlin,tenant,flats,26201,,,yes
        badaddress,nine@exa mple.com,+491713920029,,,,,Europe/Berlin,tenant,,,,,yes

        """)
    let found = try night.project.nightmail(expecting: 0, "validate")
    for line in [7, 8, 9, 10, 13, 14] {
      #expect(found.contains("data/messages/alerts.csv:\(line):"), "\(line) \(found)")
    }
    #expect(found.contains("data/contacts.csv:14: warning: '49-171' is no phone number"), "\(found)")
    try night.run()
    let own = night.delivered.filter { !$0.contains("/") }
    // What is right about a row goes out all the same; a wrong cell is not replaced by the contact's own.
    #expect(own.filter { $0.contains(": Two") || $0.contains("half@") } == ["email half@example.com: Two"])
    #expect(own.count { $0.contains("+491713920020") } == 1)
    #expect(own.count { $0.hasPrefix("email maria@") } == 2 && own.count { $0.contains("+491713920011") } == 1)
    #expect(own.contains("email five@example.com: Five") && own.count { $0.contains("+491713920029") } == 1)
    #expect(night.delivered.count == 6 + 5, "\(night.delivered)")
    let file = "data/messages/alerts.csv"
    let skipped = try night.skipped()
    #expect(
      Set(skipped).isSuperset(of: [
        "invalid-address \(file):7: 'nobody' is no address",
        "invalid-address half@example.com: '12345' is no phone number (\(file):8)",
        "invalid-address +491713920020: 'half@exa mple.com' is no address (\(file):9)",
        "invalid-address maria@example.net: '0171-nope' is no phone number (\(file):10)",
        "invalid-address badnumber: '49-171' is no phone number (data/contacts.csv:14)",
        "invalid-row ghost: no contact 'ghost' (\(file):12)",
        "invalid-row \(file):13:32: send_at: 'tomorrow' is no time, such as 2026-11-20T09:00:00+01:00",
        "invalid-row \(file):14: the row has no value for its key column 'alert_id'",
        "invalid-address badaddress: 'nine@exa mple.com' is no address (data/contacts.csv:15)",
      ]), "\(skipped.joined(separator: "\n"))")
    // A sequence says so too.
    let newsletter = try night.project.records("output/rehearsal/\(Self.date)/skipped.jsonl").first {
      $0["campaign"]?.string == "newsletter" && $0["contact"]?.string == "badnumber"
    }
    #expect(newsletter?["detail"]?.string == "'49-171' is no phone number (data/contacts.csv:14)")
  }

  /// In the same file, with another text, in a second file, at another time, on another day.
  @Test func theSameAlertTwiceGoesOutOnce() throws {
    let again = """
      A-7001,maria@example.net,,,Water off on Tuesday,"\(Self.water)",
      A-7005,,,+491713920015,Another subject,Another text,

      """
    let campaign = try ShippedProject.text("campaigns/property-alerts/campaign.yaml")
      .replacing("[messages/alerts.csv]", with: "[messages/alerts*.csv]")
    let second = "alert_id,contact,email,phone,subject,message,send_at\n" + again + "A-8001,,new@example.com,,New,x,\n"
    let night = try Night(
      rows: again,
      changes: [
        "campaigns/property-alerts/campaign.yaml": campaign, "data/messages/alerts-2.csv": second,
      ])
    try night.run()
    let first = night.delivered
    #expect(Set(first).count == first.count && first.count == 7, "\(first)")
    // The files are read in the order of their names: `alerts-2.csv` comes before `alerts.csv`.
    let duplicates = try night.skipped().filter { $0.hasPrefix("duplicate ") }
    for place in ["alerts.csv:2", "alerts.csv:7", "alerts.csv:6", "alerts.csv:8"] {
      #expect(duplicates.contains { $0.hasSuffix("(data/messages/\(place))") }, "\(place): \(duplicates)")
    }
    #expect(duplicates.count == 6, "Maria's two channels twice over, the number's one twice over: \(duplicates)")
    // The next day, and with a new time: it is the same alert.
    try night.run("2026-11-21")
    let rows = try night.project.folder.read("data/messages/alerts.csv")
    try night.project.folder.write(
      rows.replacing("from 9 to 11.\",\n", with: "from 9 to 11.\",2026-11-22T10:00:00+01:00\n"),
      to: "data/messages/alerts.csv")
    try night.run("2026-11-22")
    #expect(night.delivered == first)
    // An alert with an id of its own is another one.
    try night.project.folder.write(
      rows + "A-7006,,,+491713920015,Parcel,Another parcel.,\n", to: "data/messages/alerts.csv")
    try night.run("2026-11-23")
    #expect(night.delivered.count == first.count + 1 && night.delivered.contains("sms +491713920015: Another parcel."))
  }

  @Test func whoIsBlockedIsNotWrittenToInTheWholeProjectOrInThisCampaignAlone() throws {
    let names = ["free", "blocked", "here", "elsewhere", "ended"]
    let rows =
      names.enumerated().map { "C-\($0),,\($1)@example.com,,\($1),x,\n" }.joined()
        + """
        C-10,,a@everywhere.example,,x,x,
        C-11,,a@only.example,,x,x,
        C-12,,a@fine.example,,x,x,
        C-13,,,+491713920040,x,x,
        C-14,,,+491713920041,x,x,
        C-15,,,+491713920042,x,x,

        """
    let codes =
      try ShippedProject.text("data/messages/activations.csv")
      + (names.map { "\($0)@example.com" } + ["a@everywhere.example", "a@only.example"]).map { "u-\($0),\($0),1\n" }
      .joined()
    let suppressions =
      try ShippedProject.text("data/suppressions.csv")
        + """
        Here@Example.com,asked,property-alerts,
        elsewhere@example.com,asked,activation,
        ended@example.com,on holiday,,2026-11-19T00:00:00Z
        @only.example,asked,property-alerts,
        +491713920041,asked,property-alerts,

        """
    let night = try Night(
      rows: rows, changes: ["data/messages/activations.csv": codes, "data/suppressions.csv": suppressions])
    for value in ["blocked@example.com", "@everywhere.example", "+491713920040"] {
      try night.project.nightmail(expecting: 0, "suppress", value, "--reason", "asked")
    }
    try night.run()
    let alerts = Set(night.recipients)
    #expect(
      alerts.isSuperset(of: [
        "free@example.com", "elsewhere@example.com", "ended@example.com", "a@fine.example", "+491713920042",
      ]))
    for blocked in [
      "blocked@example.com", "here@example.com", "a@everywhere.example", "a@only.example", "+491713920040",
      "+491713920041", "sam@example.com",
    ] { #expect(!alerts.contains(blocked), "\(blocked)") }
    let sent = Set(
      night.mail.messages.filter { $0.from == "accounts@northwind.example" }.flatMap(\.to))
    #expect(sent.isSuperset(of: ["free@example.com", "here@example.com", "ended@example.com", "a@only.example"]))
    for blocked in ["blocked@example.com", "elsewhere@example.com", "a@everywhere.example"] {
      #expect(!sent.contains(blocked), "\(blocked)")
    }
    let skipped = try night.skipped()
    // Lines 7 and 8 are another campaign's, and over by now.
    for line in 5...11 {
      #expect(skipped.contains { $0.contains("(data/suppressions.csv:\(line))") } == ![7, 8].contains(line), "\(line)")
    }
  }

  /// The run is on its way and waits for the alerts' time; what is suppressed meanwhile does not go out.
  @Test func whatIsSuppressedWhileTheRunGoesOnIsNotSent() throws {
    for margin in [8.0, 20, 40] {
      let due = Date().addingTimeInterval(margin)
      let time = ISO8601DateFormatter().string(from: due)
      let rows =
        ["a@late.example", "b@late.example", "blocked@example.com", "here@example.com", "free@example.com"]
        .map { "D-\($0),,\($0),,x,x,\(time)\n" }.joined()
        + "D-1,,,+491713920050,x,x,\(time)\nD-2,,,+491713920051,x,x,\(time)\n"
      let night = try Night(rows: rows, isAlone: true)
      for (name, value) in Night.environment { setenv(name, value, 1) }
      let run = try RunningProgram(
        try #require(Program.folder) + "/nightmail", ["run"], folder: night.project.path,
        environment: Program.environment.merging(Night.environment) { $1 })
      defer { run.stop() }
      try wait(30) { night.recipients.contains("maria@example.net") || !run.isRunning }
      for value in ["@late.example", "blocked@example.com", "+491713920050"] {
        try night.project.nightmail(expecting: 0, "suppress", value)
      }
      try night.project.nightmail(expecting: 0, "suppress", "here@example.com", "--campaign", "property-alerts")
      // It looks every two seconds. On a machine so busy that it could not, nothing is said by this.
      guard Date().addingTimeInterval(4) < due else { continue }
      #expect(run.wait(seconds: margin + 30) == 0, "\(run.output)")
      let delivered = night.recipients
      #expect(delivered.contains("free@example.com") && delivered.contains("+491713920051"), "\(delivered)")
      for blocked in ["a@late.example", "b@late.example", "blocked@example.com", "here@example.com", "+491713920050"] {
        #expect(!delivered.contains(blocked), "\(blocked)")
      }
      let status = try night.project.nightmail(expecting: 0, "status", "--key", "D-a@late.example")
      #expect(status.contains("suppressed"), "\(status)")
      return
    }
    Issue.record("the machine was too busy for any of it")
  }

  /// Attempts count, also those that are to be tried again.
  @Test func noProviderIsAskedFasterThanItsRateAndNoMailboxMoreThanItsLimit() throws {
    let rows = (10..<40).map { "E-\($0),,t\($0)@example.com,,Hello,x,\nF-\($0),,,+4917139201\($0),Hello,x,\n" }.joined()
    let busy = HTTPAnswer.reply(429, body: #"{"code":20429,"message":"Too Many Requests","status":429}"#)
    let mailboxes = try ShippedProject.text("data/mailboxes.yaml")
      .replacing("rolling_limit: 1000", with: "rolling_limit: 20")
    let night = try Night(
      rows: rows, changes: ["data/mailboxes.yaml": mailboxes], mailRate: "2/s", textRate: "20/m", first: [busy])
    try night.run()
    func times(_ provider: String) throws -> [Int64] {
      try night.project.records("output/rehearsal/\(Self.date)/results.jsonl").filter {
        $0["kind"]?.string == "intent" && $0["provider"]?.string == provider
      }.compactMap { $0["at"]?.string.flatMap { Instant($0, zone: .utc)?.milliseconds } }.sorted()
    }
    let (letters, texts) = (try times("relay"), try times("twilio"))
    #expect(letters.count > 30 && zip(letters, letters.dropFirst()).allSatisfy { $1 - $0 >= 500 }, "\(letters)")
    #expect(texts.count == 21 && zip(texts, texts.dropFirst()).allSatisfy { $1 - $0 >= 3000 }, "\(texts)")
    #expect(Set(try night.outcomes().compactMap { $0["outcome"]?.string }) == ["retry", "sent"])
    // 34 text messages are due; the 20 of any 24 hours go, the others wait for the next day.
    #expect(night.recipients.count { $0.hasPrefix("+") } == 21, "one of them twice, since it was put off once")
    try night.run("2026-11-21")
    try night.run("2026-11-22")
    let sent = night.recipients.filter { $0.hasPrefix("+") }
    #expect(Set(sent).count == 34 && sent.count == 35, "\(sent.count)")
  }

  @Test func anAlertIsFollowedByItsIdFromItsRowToTheProvidersReply() throws {
    let night = try Night(rows: "A-7006,,nobody,,x,x,\nA-7007,,x@example.com,,x,x,2026-11-30T09:00:00+01:00\n")
    try night.project.nightmail(
      expecting: 0, "run", "--rehearse", "--auto-approve", "--date", Self.date, "--log-file", "log.jsonl",
      environment: Night.environment)
    // What each server answered to Maria's.
    let place = try #require(night.mail.messages.firstIndex { $0.to == ["maria@example.net"] })
    let letter = "250 2.0.0 Ok: queued as Q\(place)."
    let number = try #require(night.texts.firstIndex { $0["To"] == "+491713920011" })
    for key in ["A-7001", "alert_id=A-7001"] {
      let story = try night.project.nightmail(expecting: 0, "status", "--rehearse", "--key", key)
      let wanted = [
        "data/messages/alerts.csv:2: \(key), property-alerts",
        "planned for 2026-11-20: from alerts, \"Water off on Tuesday\"",
        "attempt 1 through relay: sent \(letter)", "planned for 2026-11-20: from alerts-sms",
        "attempt 1 through twilio: sent 201 queued (SM\(number).)",
      ]
      for words in wanted { #expect(story.contains(words), "'\(words)' in \(story)") }
      #expect(!story.contains("A-7002") && !story.contains("caretaker"))
    }
    let json = try night.project.nightmail(expecting: 0, "status", "--rehearse", "--key", "A-7001", "--json").json
    #expect(json["rows"]?.array?.map { $0["row"]?.string } == ["data/messages/alerts.csv:2"])
    let sends = json["sends"]?.array ?? []
    #expect(Set(sends.compactMap { $0["to"]?.string }) == ["maria@example.net", "+491713920011"])
    #expect(sends.allSatisfy { $0["state"]?.string == "sent" })
    for send in sends {
      // One id through the plan, the results, the message itself and the log.
      let id = try #require(send["id"]?.string)
      let outcome = try #require(try night.outcomes().first { $0["id"]?.string == id })
      let isLetter = send["channel"]?.string == "email"
      #expect(outcome["response"]?.string == send["response"]?.string)
      #expect(outcome["response"]?.string == (isLetter ? "Ok: queued as Q\(place)." : "queued"))
      #expect(outcome["provider_id"]?.string == (isLetter ? "Q\(place)" : "SM\(number)."))
      #expect(send["provider_id"]?.string == outcome["provider_id"]?.string)
      if isLetter { #expect(night.mail.messages[place].text.contains("Message-ID: <\(id)@northwind.example>")) }
      let story = try night.project.nightmail(expecting: 0, "status", "--rehearse", "--id", id)
      #expect(story.contains("property-alerts/alert to \(send["to"]?.string ?? "-"): sent"), "\(story)")
      #expect(try night.project.folder.read("log.jsonl").split(separator: "\n").contains { $0.contains(id) })
    }
    // What was skipped, and what waits.
    let sam = try night.project.nightmail(expecting: 0, "status", "--rehearse", "--key", "A-7003")
    #expect(sam.contains("to +491713920013: sent"), "\(sam)")
    #expect(sam.contains("skipped by the plan for 2026-11-20: sam@example.com, suppressed"), "\(sam)")
    let nobody = try night.project.nightmail(expecting: 0, "status", "--rehearse", "--key", "A-7006")
    #expect(nobody.contains("data/messages/alerts.csv:7, invalid-address: 'nobody' is no address"), "\(nobody)")
    let later = try night.project.nightmail(expecting: 0, "status", "--rehearse", "--key", "A-7007")
    #expect(later.contains("No plan has it yet."), "\(later)")
    // The row may be gone from its file by then.
    try night.project.folder.write(
      "alert_id,contact,email,phone,subject,message,send_at\nA-9000,,z@example.com,,x,x,\n",
      to: "data/messages/alerts.csv")
    let gone = try night.project.nightmail(expecting: 0, "status", "--rehearse", "--key", "A-7001")
    #expect(gone.contains("attempt 1 through relay: sent \(letter)") && !gone.contains("alerts.csv"), "\(gone)")
    let unknown = try night.project.nightmail("status", "--rehearse", "--key", "A-9001")
    #expect(unknown.status == 1 && unknown.error.contains("did you mean 'A-9000'"), "\(unknown.error)")
  }
}
