import Testing

@testable import Config
@testable import Model

struct YAMLTests {
  func read(_ text: String, limits: YAMLReader.Limits = .init()) -> (node: YAMLNode?, findings: [String]) {
    let (node, findings) = YAMLReader.read(Array(text.utf8), file: "f", limits: limits)
    return (node, findings.map(\.description))
  }

  @Test(arguments: [
    ("no", YAMLScalar.Value.string), ("yes", .string), ("on", .string), ("true", .bool(true)), ("False", .bool(false)),
    ("tRue", .string), ("~", .null), ("null", .null), ("", .null), ("12", .integer(12)), ("-7", .integer(-7)),
    ("+3", .integer(3)), ("007", .integer(7)), ("0o17", .integer(15)), ("0xFf", .integer(255)), ("0x", .string),
    ("0x-1", .string), ("1_000", .string), ("1:30", .string), ("2026-11-20", .string), ("1.5", .float(1.5)),
    (".5", .float(0.5)), ("1.", .float(1)), ("-.5e2", .float(-50)), ("1e3", .float(1000)), ("1e", .string),
    (".", .string), ("+", .string), (".inf", .float(.infinity)), ("99999999999999999999", .float(1e20)),
    ("1.2.3", .string),
  ])
  func plainScalarsFollowTheCoreSchema(_ text: String, _ value: YAMLScalar.Value) {
    #expect(YAMLScalar(plain: text).value == value)
  }

  @Test func quotedScalarsAreStringsAndTagsDecide() {
    let node = read("a: \"12\"\nb: 'true'\nc: !!str 12\nd: !!int 12\ne: |\n  12\nf: !!int x\ng: !own 3\n")
    #expect(node.node?["a"]?.scalar?.value == .string)
    #expect(node.node?["b"]?.scalar?.value == .string)
    #expect(node.node?["c"]?.scalar?.value == .string)
    #expect(node.node?["d"]?.scalar?.value == .integer(12))
    #expect(node.node?["e"]?.scalar?.text == "12\n")
    #expect(
      node.findings == [
        "f:7:4: error: 'x' is not what its tag !!int says",
        "f:8:4: error: the tag '!own' means nothing here; remove it",
      ])
  }

  @Test func ownKeysWinOverMergedOnesAndEarlierMergesOverLater() {
    let text = """
      a: &a {x: 1, y: 1}
      b: &b {x: 2, z: 2}
      c:
        z: 3
        <<: [*a, *b]
      d:
        <<: *b
        x: 4
      e: {"<<": 5}
      """
    let (node, findings) = read(text)
    #expect(findings == [])
    func value(_ key: String, _ inner: String) -> String? { node?[key]?[inner]?.scalar?.text }
    #expect([value("c", "x"), value("c", "y"), value("c", "z")] == ["1", "1", "3"])
    #expect([value("d", "x"), value("d", "z")] == ["4", "2"])
    #expect(value("e", "<<") == "5")
  }

  @Test func everyNodeKnowsItsPlaceInCharacters() {
    let (node, _) = read("\u{FEFF}grüße: [ä, {k: v}]\n")
    guard case .sequence(let items)? = node?["grüße"]?.content else { return #expect(Bool(false)) }
    #expect(node?.entries?[0].keyPlace == Place("f", line: 1, column: 1))
    #expect(items[1].entries?[0].value.place == Place("f", line: 1, column: 16))
  }

  @Test(arguments: [
    ("a: *b", "f:1:4: error: no '&b' stands before this"),
    ("a: &a [*a]", "f:1:8: error: the alias '*a' stands inside what it stands for"),
    ("a: 1\na: 2", "f:2:1: error: the key 'a' stands twice, first in line 1"),
    ("[a]: 1", "f:1:1: error: a key must be a plain word, not a list"),
    ("<<: 3", "f:1:5: error: '<<' takes a mapping or a list of mappings, not 3"),
    ("a: 1\n--- \nb: 2", "f:2:1: error: a second document begins here; the file may hold only one"),
    ("a: \"x", "f:1:6: error: not valid YAML: found unexpected end of stream while scanning a quoted scalar"),
    ("a: b\u{7}", "f:1:5: error: not valid YAML: control characters are not allowed"),
  ])
  func aMistakeIsAFindingAtItsPlace(_ text: String, _ finding: String) {
    #expect(read(text).findings == [finding])
  }

  @Test func nestingAndAliasesAreLimited() {
    let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    #expect(read(deep).findings == [])
    #expect(read("[" + deep + "]").findings == ["f:1:65: error: nested deeper than 64 levels"])
    // Each line is as deep as two levels; together, by the aliases, they are deeper than is allowed.
    var chain = "a0: &a0 [x]\n"
    for i in 1...70 { chain += "a\(i): &a\(i) [*a\(i - 1)]\n" }
    #expect(read(chain).findings == ["f:63:12: error: nested deeper than 64 levels"])
    var bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for (p, c) in zip("abcdefg", "bcdefgh") {
      bomb += "\(c): &\(c) [" + [String](repeating: "*\(p)", count: 10).joined(separator: ", ") + "]\n"
    }
    let (node, findings) = read(bomb)
    #expect(node == nil)
    #expect(findings.count == 1 && findings[0].contains("more than 100000 values"))
  }

  @Test func anEmptyFileIsAnEmptyMapping() {
    for text in ["", "\n", "# nothing\n", "---\n", "~\n"] { #expect(read(text).node?.entries?.isEmpty == true) }
  }
}
