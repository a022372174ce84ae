import Testing

@testable import Config
@testable import Model

/// What is allowed and probably not meant.
struct WarningTests {
  /// Of a sound project that is the good sample with some files in place of its own.
  private func warnings(_ over: [String: String], without gone: [String] = []) throws -> [String] {
    let sample = try Sample(Self.plain.filter { !gone.contains($0.key) }, over)
    let (project, findings) = ProjectLoader.load(folder: sample.folder)
    #expect(findings.map(\.description) == [])
    return ProjectWarnings.check(try #require(project), folder: sample.folder).map(\.description)
  }

  static let plain: [String: String] = [
    "campaigns/settings.yaml": "timezone: Europe/Berlin\n",
    "campaigns/welcome/campaign.yaml": campaign(),
    "campaigns/welcome/intro.txt": "Hello\n",
    "data/contacts.csv": "email,timezone\nada@example.com,Asia/Tokyo\n",
    "data/mailboxes.yaml": "- {id: anna, from: anna@shop.example, providers: [main]}\n",
    "data/providers.yaml": """
    - {id: main, type: smtp, host: smtp.example.com}
    - {id: other, type: smtp, host: smtp.example.net}
    - {id: service, type: postmark, server_token: {env: TOKEN}}

    """,
  ]

  static func campaign(_ more: String = "", steps: String = "[{id: intro, subject: Hello, text: intro.txt}]") -> String
  {
    """
    status: active
    audience: {contacts: contacts.csv}
    mailboxes: [anna]
    steps: \(steps)
    \(more)

    """
  }

  @Test func aProjectWithoutDoubtsGivesNone() throws { #expect(try warnings([:]) == []) }

  @Test func aTemplateThatNothingUsesIsNamed() throws {
    let found = try warnings([
      "campaigns/welcome/old.txt": "x", "campaigns/welcome/parts/foot.html": "x", "campaigns/welcome/README.txt": "x",
      "campaigns/welcome/notes.md": "x", "campaigns/welcome/.draft.txt": "x", "campaigns/welcome/new.txt.tmp": "x",
      "campaigns/.schema/notes.txt": "x",
    ])
    #expect(
      found == [
        "campaigns/welcome/old.txt: warning: no step uses this template; name it in a step's 'text' or 'html', or remove it",
        "campaigns/welcome/parts/foot.html: warning: no step uses this template; name it in a step's 'text' or 'html', or "
          + "remove it",
      ])
  }

  @Test func aTemplateThatEveryVariantReplacesIsNamed() throws {
    let steps =
      "[{id: intro, subject: Hello, text: intro.txt, variants: [{id: a, text: a.txt}, {id: b, text: {inline: Hi}}]}]"
    let found = try warnings([
      "campaigns/welcome/campaign.yaml": Self.campaign(steps: steps), "campaigns/welcome/a.txt": "x",
    ])
    #expect(
      found == [
        "campaigns/welcome/intro.txt: warning: no message is made of this template: every variant of its step has its own; "
          + "remove it, or a variant's"
      ])
  }

  @Test func aSchemaOfAnotherVersionIsNamed() throws {
    let found = try warnings([
      "campaigns/.schema/campaign.json": "{}",
      "campaigns/.schema/settings.json": JSONSchema.document(.settings).pretty(),
    ])
    #expect(
      found == [
        "campaigns/.schema/campaign.json: warning: this schema is not this version's, and editors go by it; nightmail schema "
          + "--out campaigns/.schema writes it anew"
      ])
  }

  @Test func attachmentsAndTemplatesOfAnotherFolderAreUsed() throws {
    let other = Self.campaign(steps: "[{id: x, subject: Hello, text: ../welcome/b.txt, attachments: [terms.txt]}]")
    #expect(
      try warnings([
        "campaigns/other/campaign.yaml": other, "campaigns/other/terms.txt": "x", "campaigns/welcome/b.txt": "x",
      ]) == [])
  }

  @Test func aMailboxThatSendsNothingIsNamed() throws {
    let boxes = """
      - {id: anna, from: anna@shop.example, providers: [main]}
      - {id: ben, from: ben@shop.example, providers: [main]}
      - {id: carla, from: carla@shop.example, providers: [main], tags: [later]}
      - {id: text, from: "+4915112345678", providers: [sms], tags: [sales]}
      - {id: dora, from: dora@shop.example, providers: [main], tags: [sales]}

      """
    let found = try warnings([
      "data/mailboxes.yaml": boxes,
      "data/providers.yaml": (Self.plain["data/providers.yaml"] ?? "") + "- {id: sms, type: file}\n",
      "campaigns/later/campaign.yaml": Self.campaign().replacing("[anna]", with: "{tag: later}")
        .replacing("active", with: "paused").replacing("intro.txt", with: "../welcome/intro.txt"),
      "campaigns/sales/campaign.yaml": Self.campaign().replacing("[anna]", with: "{tag: sales}")
        .replacing("intro.txt", with: "../welcome/intro.txt"),
    ])
    #expect(
      found == [
        "data/mailboxes.yaml:2:3: warning: no campaign uses mailbox 'ben'; name it in a campaign's 'mailboxes', or remove it",
        "data/mailboxes.yaml:3:3: warning: no active campaign uses mailbox 'carla': 'later' is paused; it sends nothing "
          + "until one has 'status: active'",
        "data/mailboxes.yaml:4:3: warning: mailbox 'text' is for text messages, and no step of 'sales' goes out so; take it "
          + "out of the campaign's 'mailboxes', or change a step's 'channel'",
      ])
  }

  @Test func aStepThatNobodyGetsIsNamed() throws {
    let steps = """

        - {id: intro, subject: Hello, text: intro.txt, channel: any}
        - id: more
          delay: 3d
          subject: More
          text: intro.txt
          variants: [{id: a}, {id: b, weight: 0}]
        - {id: late, delay: 5bd, reply: true, text: intro.txt}
        - {id: later, delay: 9d, reply: true, text: intro.txt}
      """
    // Friday the 20th; three days on is Monday the 23rd, five business days on Monday the 30th.
    func found(end: String) throws -> [String] {
      try warnings([
        "campaigns/welcome/campaign.yaml": Self.campaign("start: 2026-11-20\nend: \(end)", steps: steps)
      ])
    }
    let common = [
      "campaigns/welcome/campaign.yaml:5:5: warning: step 'intro' has 'channel: any', and no mailbox of the campaign is for "
        + "SMS: nobody gets it by SMS; add one, or write 'channel: email'",
      "campaigns/welcome/campaign.yaml:6:5: warning: variant 'b' of step 'more' has the weight 0: nobody gets it; give it a "
        + "weight, or remove it",
    ]
    #expect(
      try found(end: "2026-11-29") == common + [
        "campaigns/welcome/campaign.yaml:11:5: warning: step 'late' is due on 2026-11-30 at the earliest, for who begins on "
          + "the campaign's first day, and the campaign ends 2026-11-30T00:00:00+01:00: nobody gets it; shorten the delays, "
          + "or move 'end'"
      ])
    #expect(try found(end: "2026-11-30").last?.contains("step 'later' is due on 2026-12-09") == true)
    #expect(try found(end: "2026-12-09") == common)
  }

  @Test func rowsThatBringTheirOwnTextHaveNoStepToWarnOf() throws {
    #expect(
      try warnings([
        "campaigns/codes/campaign.yaml": "status: active\naudience: {messages: m.csv}\nmailboxes: [anna]\n",
        "data/m.csv": "email,subject,text\na@example.com,b,c\n",
      ]) == [])
  }

  @Test func windowsWithoutACommonTimeAreNamed() throws {
    func found(_ campaign: String, mailbox: String, zone: String = "Europe/Berlin") throws -> [String] {
      try warnings([
        "campaigns/welcome/campaign.yaml": Self.campaign("window: \(campaign)"),
        "data/mailboxes.yaml":
          "- {id: anna, from: anna@shop.example, providers: [main], window: \(mailbox), timezone: \(zone)}\n",
      ])
    }
    let alone =
      "campaigns/welcome/campaign.yaml:1:1: warning: the window of campaign 'welcome' is never open while that of mailbox "
      + "'anna' is, and it has no other mailbox: it sends nothing; change a 'window'"
    #expect(try found("mon-fri 09:00-17:00 mailbox", mailbox: "sat 09:00-17:00 mailbox") == [alone])
    #expect(try found("daily 09:00-12:00 project", mailbox: "daily 12:00-17:00 project") == [alone])
    #expect(try found("daily 09:00-12:00 project", mailbox: "daily 11:59-17:00 project") == [])
    #expect(try found("daily 22:00-02:00 mailbox", mailbox: "daily 01:00-05:00 mailbox") == [])
    #expect(try found("always", mailbox: "sat 09:00-17:00 mailbox") == [])
    // Nine in Tokyo is one at night in Berlin: its contacts have time, those of Berlin do not.
    #expect(try found("daily 09:00-10:00 contact", mailbox: "daily 00:00-02:00 mailbox") == [])
    #expect(try found("daily 09:00-10:00 contact", mailbox: "daily 18:00-20:00 mailbox") == [alone])
    // The two clocks agree for a few weeks a year, when one has changed and the other has not.
    #expect(
      try found("daily 09:00-10:00 Europe/Berlin", mailbox: "daily 04:00-05:00 mailbox", zone: "America/New_York") == []
    )
    #expect(
      try found("daily 09:00-10:00 Europe/Berlin", mailbox: "daily 05:00-06:00 mailbox", zone: "America/New_York")
        == [alone])
  }

  @Test func anotherMailboxOfTheCampaignMayHaveTime() throws {
    let found = try warnings([
      "campaigns/welcome/campaign.yaml": Self.campaign("window: mon 09:00-17:00 mailbox")
        .replacing("[anna]", with: "[anna, ben]"),
      "data/mailboxes.yaml": """
      - {id: anna, from: anna@shop.example, providers: [main], window: tue 09:00-17:00 mailbox}
      - {id: ben, from: ben@shop.example, providers: [main]}

      """,
    ])
    #expect(found.count == 1 && found[0].hasSuffix("change a 'window', or take the mailbox out of 'mailboxes'"))
  }

  @Test func whoDoesNotSignWhereOthersDoIsNamed() throws {
    func found(_ second: String) throws -> [String] {
      let sample = try Sample(
        Self.plain,
        [
          "s1.pem": "key", "campaigns/welcome/campaign.yaml": Self.campaign().replacing("[anna]", with: "[anna, ben]"),
          "data/mailboxes.yaml": """
          - id: anna
            from: anna@shop.example
            providers: [main]
            dkim: {domain: shop.example, selector: s1, key_file: s1.pem}
          - {id: ben, \(second)}

          """,
        ])
      let (project, _) = ProjectLoader.load(folder: sample.folder)
      return ProjectWarnings.check(try #require(project), folder: sample.folder).map(\.description)
    }
    let named = try found("from: ben@shop.example, providers: [other]")
    #expect(
      named == [
        "data/mailboxes.yaml:5:3: warning: mailbox 'ben' has no 'dkim', and 'anna' has: mail from shop.example goes out "
          + "unsigned unless the server signs it; nightmail dkim keygen --domain shop.example --selector s1 makes a key"
      ])
    #expect(try found("from: ben@other.example, providers: [main]").count == 1)
    // Another server may sign it, a service does, and a text message has nothing to sign.
    #expect(try found("from: ben@other.example, providers: [other]") == [])
    #expect(try found("from: ben@shop.example, providers: [service]") == [])
  }
}
