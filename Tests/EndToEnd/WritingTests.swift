import Foundation
import Model
import TestSupport
import Testing

/// What helps whoever writes a project's files: `schema`, `explain`, the warnings of `validate`, completion.
@Suite(.timeLimit(.minutes(5)))
struct WritingTests {
  @Test func schemasArePrintedOneByOneAndWrittenTogether() throws {
    let project = try TestProject([:])
    let list = try project.nightmail(expecting: 0, "schema")
    #expect(list.split(separator: "\n").count == 4 && list.contains("campaigns/<id>/campaign.yaml"))
    let one = try project.nightmail(expecting: 0, "schema", "campaign")
    #expect(try one.json["properties"]?["window"]?["description"] != nil)
    try project.nightmail(expecting: 0, "schema", "--out", "schemas/here")
    #expect(
      project.folder.list("schemas/here") == ["campaign.json", "mailboxes.json", "providers.json", "settings.json"])
    #expect(try project.folder.read("schemas/here/campaign.json") == one)
    // What init writes is what a later version writes over.
    let sample = try TestProject([:])
    try sample.nightmail(expecting: 0, "init")
    try sample.folder.write("{}", to: "campaigns/.schema/campaign.json")
    let warned = try sample.nightmail(expecting: 0, "validate")
    #expect(warned.contains("nightmail schema --out campaigns/.schema"))
    try sample.nightmail(expecting: 0, "schema", "--out", "campaigns/.schema")
    #expect(try sample.nightmail(expecting: 0, "validate") == "No findings.\n")
    let wrong = try project.nightmail("schema", "campain")
    #expect(wrong.status == 1 && wrong.error.contains("did you mean 'campaign'?"))
    #expect(try project.nightmail("schema", "--out", "/dev/null/x").status == 1)
    #expect(try project.nightmail(expecting: 0, "schema", "--json").json.array?.count == 4)
  }

  @Test func keysAreExplained() throws {
    let project = try TestProject([:])
    let window = try project.nightmail(expecting: 0, "explain", "campaign.window")
    for words in [
      "campaigns/<id>/campaign.yaml", "'DAYS FROM-TO ZONE'", "what settings.window says", "mon-fri 09:00-17:00",
    ] {
      #expect(window.contains(words))
    }
    #expect(window.split(separator: "\n").allSatisfy { $0.count <= 80 })
    let all = try project.nightmail(expecting: 0, "explain")
    #expect(all.split(separator: "\n").allSatisfy { $0.count <= 80 } && all.contains("\n  campaign.steps.delay "))
    #expect(all.contains("\n  campaign.steps.variants.id ") && all.contains("\n  providers.*.proxy "))
    #expect(try project.nightmail(expecting: 0, "explain", "window", "--json").json.array?.count == 3)
    let wrong = try project.nightmail("explain", "campaign.windw")
    #expect(wrong.status == 1 && wrong.error.contains("did you mean 'campaign.window'?") && wrong.out.isEmpty)
  }

  /// Every page that there is, in 80 columns.
  @Test func noPageIsEmptyOrTooWide() throws {
    let project = try TestProject([:])
    let all = try project.nightmail(expecting: 0, "explain", "--json").json.array ?? []
    #expect(all.count > 150)
    for name in Set(all.compactMap { $0["key"]?.string?.split(separator: ".").last.map(String.init) }) {
      let page = try project.nightmail(expecting: 0, "explain", name)
      let wide = page.split(separator: "\n").filter { $0.count > 80 && $0.split(separator: " ").count > 2 }
      #expect(page.count > 40 && wide.isEmpty, "\(name): \(wide)")
    }
  }

  @Test func validateWarnsAndPlanKeepsQuiet() throws {
    let project = try TestProject(
      [
        "campaigns/welcome/campaign.yaml": """
        status: active
        audience: {contacts: contacts.csv}
        mailboxes: [anna]
        unsubscribe: {url: "https://example.com/u/{{send_id}}"}
        steps: [{id: intro, subject: "Hello {{frist_name}}", text: {inline: "Hello {{first_name}}"}}]
        """,
        "campaigns/welcome/old.txt": "x",
        "data/contacts.csv": "email,first_name\nada@example.com,Ada\n",
        "data/mailboxes.yaml": "- {id: anna, from: anna@example.com, providers: [out]}\n",
        "data/providers.yaml": "- {id: out, type: file}\n",
      ])
    let output = try project.nightmail(expecting: 0, "validate")
    #expect(
      output == """
        campaigns/welcome/campaign.yaml:5:30: warning: no contacts file has a column 'frist_name', and neither campaign nor \
        mailbox has such a variable: nobody gets step 'intro'; did you mean 'first_name'?
        campaigns/welcome/old.txt: warning: no step uses this template; name it in a step's 'text' or 'html', or remove it
        0 errors, 2 warnings.

        """)
    let github = try project.nightmail(expecting: 0, "validate", "--format", "github")
    #expect(github.contains("::warning file=campaigns/welcome/old.txt::no step uses this template"))
    #expect(try project.nightmail(expecting: 0, "validate", "--json").json["warnings"]?.integer == 2)
    let plan = try project.nightmail("plan", "--rehearse", "--date", "2026-11-20")
    #expect(plan.status == 0 && !(plan.out + plan.error).contains("old.txt"))
  }

  @Test(arguments: ["bash", "zsh", "fish"]) func completionScriptsAreWritten(_ shell: String) throws {
    let project = try TestProject([:])
    let script = try project.nightmail(expecting: 0, "--generate-completion-script", shell)
    #expect(script.contains("nightmail") && script.contains("dead-letters") && script.contains("---completion"))
    guard let program = Shell.find(shell) else { return }
    try project.folder.write(script, to: "script")
    let check = try Shell.run(program, ["-n", project.folder.file("script")])
    #expect(check.status == 0, "\(check.error)")
  }

  @Test func valuesAreCompletedFromTheProjectAndNeverLoudly() throws {
    let project = try TestProject([:])
    try project.nightmail(expecting: 0, "init")
    func offered(_ folder: String, _ words: String...) throws -> [String] {
      let program = try #require(Program.folder) + "/nightmail"
      // As the scripts call it: the command, the argument's place, the words, where the cursor is.
      let (command, argument) = (words[0], words[1])
      let line = ["nightmail", command] + words.dropFirst(2)
      let output = try Shell.run(
        program, ["---completion", command, "--", argument, "\(line.count)", "0"] + line + [""], folder: folder,
        environment: Program.environment.merging(["SAP_SHELL": "bash"], uniquingKeysWith: { $1 }))
      #expect(output.status == 0 && output.error.isEmpty, "\(output)")
      return output.out.split(separator: "\n").map(String.init)
    }
    #expect(try offered(project.path, "event", "--campaign") == ["reminders", "weekly-tip", "welcome"])
    #expect(try offered(project.path, "pause", "positional@1", "mailbox") == ["anna", "news"])
    #expect(try offered(project.path, "pause", "positional@1", "provider") == ["outbox"])
    #expect(try offered("/", "pause", "positional@1", "mailbox") == [])
    #expect(try offered("/", "pause", "positional@1", "mailbox", "--project", project.path) == ["anna", "news"])
    #expect(try offered("/", "event", "--campaign", "--project", "/nowhere") == [])
    #expect(try offered(project.path, "send", "positional@0") == ["today", "tomorrow", "yesterday"])
    try project.nightmail(expecting: 0, "plan", "--date", "2030-01-07", "--quiet")
    #expect(try offered(project.path, "send", "positional@0").last == "2030-01-07")
    for broken in ["- {", "", "{id: x}", "- [1]\n- 2\n"] {
      try project.folder.write(broken, to: "data/mailboxes.yaml")
      #expect(try offered(project.path, "pause", "positional@1", "mailbox") == [])
    }
    try FileManager.default.removeItem(atPath: project.folder.file("data/mailboxes.yaml"))
    try project.folder.write("id,from\nx,y\nz,w\n", to: "data/mailboxes.csv")
    #expect(try offered(project.path, "pause", "positional@1", "mailbox") == ["x", "z"])
  }
}
