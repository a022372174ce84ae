import Model
import TestSupport
import Testing

@testable import Messages

private struct Strictness: Sendable {
  var source: String
  var required: Set<String>
  var optional: Set<String>
}

@Test(arguments: [
  Strictness(source: "Hello {{name}}", required: ["name"], optional: []),
  Strictness(source: "{{{name}}} {{&other}} {{ spaced }}", required: ["name", "other", "spaced"], optional: []),
  Strictness(source: "Hello {{name}}{{^name}}there{{/name}}", required: [], optional: ["name"]),
  Strictness(source: "{{^name}}there{{/name}}{{#x}}{{name}}{{/x}}", required: [], optional: ["name", "x"]),
  Strictness(source: "{{#name}}Hello {{name}}{{/name}}", required: [], optional: ["name"]),
  Strictness(source: "{{#name}}Hello {{name}}{{/name}} {{name}}", required: ["name"], optional: []),
  Strictness(source: "{{#vip}}Dear {{name}}{{/vip}}", required: ["name"], optional: ["vip"]),
  Strictness(source: "{{#a}}{{#b}}{{a}}{{b}}{{c}}{{/b}}{{/a}}", required: ["c"], optional: ["a", "b"]),
  Strictness(source: "{{#a}}x{{/a}}{{a}}", required: ["a"], optional: []),
  Strictness(
    source: "{{mailbox.name}} {{send_id}} {{unsubscribe_url}}",
    required: ["mailbox.name", "send_id", "unsubscribe_url"], optional: []),
  Strictness(source: "{{! a comment with {{name}} x", required: [], optional: []),
  Strictness(source: "no tags, { one } brace", required: [], optional: []),
])
private func needsComeFromLookingAtTheTemplate(_ row: Strictness) {
  let (needs, findings) = TemplateEngine().inspect(Make.template(row.source))
  #expect(needs.required == row.required, "\(row.source)")
  #expect(needs.optional == row.optional, "\(row.source)")
  #expect(findings.isEmpty, "\(findings)")
}

@Test(arguments: [nil, "", " ", "\t\n", "\u{A0}", "\u{3000}"])
func aBlankRequiredValueIsMissing(_ value: String?) {
  let engine = TemplateEngine()
  let template = Make.template("Hello {{first_name}} of {{company}}, {{x}}")
  var values = ["x": "y"]
  values["first_name"] = value
  #expect(throws: RenderProblem.missingVariables(["company", "first_name"])) {
    try engine.render(template, values)
  }
}

@Test func aVariableOfASectionIsRequiredEvenIfTheSectionIsLeftOut() {
  #expect(throws: RenderProblem.missingVariables(["name"])) {
    try TemplateEngine().render(Make.template("Hi{{#vip}} {{name}}{{/vip}}"), [:])
  }
}

@Test(arguments: ["false", "no", "0", "x"])
func aSectionIsThereForEveryTextThatIsNotBlank(_ value: String) throws {
  let template = Make.template("{{#vip}}yes{{/vip}}{{^vip}}none{{/vip}}")
  let engine = TemplateEngine()
  #expect(try engine.render(template, ["vip": value]) == "yes")
  #expect(try engine.render(template, ["vip": ""]) == "none")
  #expect(try engine.render(template, ["vip": " "]) == "none")
  #expect(try engine.render(template, [:]) == "none")
}

@Test func namesInsideASectionStillMeanTheSendsValues() throws {
  // Without care swift-mustache would look for `utf8` and `count` inside the section's own string.
  let template = Make.template(
    "{{#name}}{{name}} {{count}} {{mailbox.email}} {{#mailbox.team}}{{mailbox.team}}{{/mailbox.team}}{{/name}}")
  let text = try TemplateEngine().render(
    template, ["name": "Ada", "count": "7", "mailbox.email": "a@example.com", "mailbox.team": "Sales"])
  #expect(text == "Ada 7 a@example.com Sales")
}

@Test func htmlTemplatesEscapeAndTextTemplatesDoNot() throws {
  let engine = TemplateEngine()
  let values = ["v": "<b> & \"q\" 'a' é"]
  for short in ["", "{{#v}}{{/v}}"] {
    #expect(
      try engine.render(Make.template("{{v}}|{{{v}}}|{{&v}}" + short, html: true), values)
        == "&lt;b&gt; &amp; &quot;q&quot; &#39;a&#39; é|<b> & \"q\" 'a' é|<b> & \"q\" 'a' é")
    #expect(try engine.render(Make.template("{{v}}" + short), values) == "<b> & \"q\" 'a' é")
  }
}

@Test(arguments: ["{{v}}", "{{#v}}{{v}}{{/v}}"])
func aQuoteWithACombiningMarkIsEscapedToo(_ source: String) throws {
  let text = try TemplateEngine().render(Make.template(source, html: true), ["v": "\"\u{301} onload=x <\u{338}"])
  #expect(text == "&quot;\u{301} onload=x &lt;\u{338}")
}

@Test(arguments: ["{{v}}", "{{{v}}}", "{{#v}}{{v}}{{/v}}"])
func whatAValueSaysIsNeverATemplate(_ source: String) throws {
  let values = ["v": "{{secret}} {{#x}} {{{", "secret": "s3cr3t"]
  #expect(try TemplateEngine().render(Make.template(source), values) == "{{secret}} {{#x}} {{{")
}

@Test func tagsAloneOnALineTakeTheLineWithThem() throws {
  let template = Make.template("{{#a}}\nHello {{a}}\n{{/a}}\n{{! note }}\nBye\n")
  #expect(try TemplateEngine().render(template, ["a": "Ada"]) == "Hello Ada\nBye\n")
  #expect(try TemplateEngine().render(template, [:]) == "Bye\n")
}

@Test(arguments: 1...3 as ClosedRange<UInt64>)
func theShortWayAgreesWithSwiftMustache(_ seed: UInt64) throws {
  var random = Dice(seed)
  let bits = [
    "{{a}}", "{{{b}}}", "{{& c }}", "{{ mailbox.name }}", "{{send_id}}", "\n", "\r\n", " ", "\t", "{", "} }", "x",
    "é\u{301}",
    "👩‍👩‍👧", "<p>", "\u{2028}", "\r", "Hello, ",
  ]
  let values = [
    "a": "<A & \"B\">", "b": "{{a}}", "c": "\u{301}c\r\n", "mailbox.name": "Anna 'S'", "send_id": "4d2c",
  ]
  let short = TemplateEngine()
  let long = TemplateEngine(takesShortWay: false)
  for round in 0..<400 {
    var source = ""
    for _ in 0..<Int.random(in: 1...12, using: &random) { source += bits.randomElement(using: &random) ?? "" }
    let template = Make.template(source, html: round % 2 == 0)
    guard short.inspect(template).findings.isEmpty else { continue }
    let (one, other) = (try short.render(template, values), try long.render(template, values))
    #expect(Array(one.utf8) == Array(other.utf8), "seed \(seed): \(source.debugDescription)")
  }
}

@Test(arguments: 1...3 as ClosedRange<UInt64>)
func noTemplateCrashesTheEngineAndWhatHasNoFindingRenders(_ seed: UInt64) throws {
  var random = Dice(seed)
  let bits = [
    "{{", "}}", "{", "}", "#", "^", "/", "!", "&", ">", "=", "a", "b", "mailbox.", " ", "\n", "\u{301}", "\0", ".", "(",
    ")",
  ]
  let engine = TemplateEngine()
  var good = 0
  for _ in 0..<3000 {
    var source = ""
    for _ in 0..<Int.random(in: 1...14, using: &random) { source += bits.randomElement(using: &random) ?? "" }
    let template = Make.template(source)
    let (needs, findings) = engine.inspect(template)
    let values = Dictionary(uniqueKeysWithValues: needs.all.map { ($0, "v") })
    if findings.isEmpty {
      good += 1
      #expect(throws: Never.self, "seed \(seed): \(source.debugDescription)") { try engine.render(template, values) }
    } else {
      #expect(throws: RenderProblem.malformed(findings), "seed \(seed): \(source.debugDescription)") {
        try engine.render(template, values)
      }
    }
  }
  #expect(good > 300)
}

@Test func anEngineServesManyTasksAtOnce() async throws {
  let engine = TemplateEngine()
  await withTaskGroup(of: Bool.self) { group in
    for i in 0..<64 {
      group.addTask {
        (0..<50).allSatisfy { n in
          let template = Make.template("{{#v}}\(n % 10) {{v}}{{/v}}")
          return (try? engine.render(template, ["v": "\(i)"])) == "\(n % 10) \(i)"
        }
      }
    }
    for await same in group { #expect(same) }
  }
}
