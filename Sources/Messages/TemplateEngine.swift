import Model
import Mustache
import Synchronization

/// Looks at templates and renders them: Mustache, less what could send a blank or read a file.
///
/// - `{{name}}` gives a value, escaped for HTML in an HTML template; `{{{name}}}` and `{{&name}}` give it as it is.
/// - `{{#name}}…{{/name}}` is there if the value is not blank, `{{^name}}…{{/name}}` if it is. Values are text, so
///   `false`, `no` and `0` are not blank and count as there.
/// - `{{! … }}` is a comment. Nothing else is offered: partials, inheritance, functions, other delimiters and dotted
///   names but `mailbox.…` are errors.
/// - A variable is required unless the template says somewhere, by `{{^name}}`, what stands for its absence, or all
///   of its places are inside its own `{{#name}}`. A blank value is a missing one.
/// - What a value says is never read as a template.
///
/// One engine serves all threads. It keeps every template that it has seen.
public final class TemplateEngine: TemplateRenderer, Sendable {
  /// Names whose values the composer gives by itself, besides those that begin with `mailboxPrefix`.
  public static let builtins: Set<String> = ["send_id", "unsubscribe_url"]
  /// `mailbox.name`, `mailbox.email`, `mailbox.id` and the mailbox's own vars.
  public static let mailboxPrefix = "mailbox."

  /// Whether a name's value comes from the composer and not from the plan.
  public static func isBuiltin(_ name: String) -> Bool { builtins.contains(name) || name.hasPrefix(mailboxPrefix) }

  private struct Key: Hashable {
    var template: Template
    var escaping: Escaping

    /// By place and length: several look-ups a send would otherwise each read the whole text.
    func hash(into hasher: inout Hasher) {
      hasher.combine(template.place)
      hasher.combine(template.source.utf8.count)
    }
  }

  /// A template as it is kept.
  struct Prepared: Sendable {
    var needs: TemplateNeeds
    var findings: [Finding]
    var places: [String: Place]
    var required: [String]
    /// Those of `needs` that the mailbox gives, without `mailboxPrefix`.
    var ofMailbox: [String]
    var pieces: [TemplatePiece]?
    var mustache: MustacheTemplate?
  }

  /// Looked up once a message, and not copied.
  final class Kept: Sendable {
    let prepared: Prepared
    let escaping: Escaping
    /// The length of its source in octets.
    let count: Int
    /// Whether it asks for these two.
    let namesLink: Bool
    let namesID: Bool
    /// The mailbox's values that it asks for, named without `mailboxPrefix`.
    var ofMailbox: [String] { prepared.ofMailbox }

    init(_ prepared: Prepared, _ template: Template, _ escaping: Escaping) {
      self.prepared = prepared
      self.escaping = escaping
      count = template.source.utf8.count
      namesLink = prepared.needs.all.contains("unsubscribe_url")
      namesID = prepared.needs.all.contains("send_id")
    }
  }

  private let cache = Mutex<[Key: Kept]>([:])
  /// Off in the test that compares the short way with swift-mustache.
  private let takesShortWay: Bool

  public init() { takesShortWay = true }
  init(takesShortWay: Bool) { self.takesShortWay = takesShortWay }

  /// What a template asks for and what is wrong with it, each finding with its line and column in the template's file
  /// (for an inline text, the text's own place).
  public func inspect(_ template: Template) -> (needs: TemplateNeeds, findings: [Finding]) {
    let prepared = prepared(template, Self.escaping(of: template))
    return (prepared.needs, prepared.findings)
  }

  /// The names that a template asks for, builtin ones included.
  public func needs(of template: Template) -> TemplateNeeds {
    prepared(template, Self.escaping(of: template)).needs
  }

  /// A template as it is kept, for who asks it several things.
  func kept(_ template: Template) -> Kept { kept(template, Self.escaping(of: template)) }

  /// Where each name of a template stands first.
  func places(in template: Template) -> [String: Place] { prepared(template, Self.escaping(of: template)).places }

  /// The template with `values` put in. Builtin names are values like all others here: the caller gives those that it
  /// knows, `mailbox.…` by their whole names.
  /// - Throws: `missingVariables` or `malformed`.
  public func render(_ template: Template, _ values: [String: String]) throws(RenderProblem) -> String {
    try render(template, values, Self.escaping(of: template))
  }

  public func pieces(of template: Template) -> [TemplatePiece]? {
    let prepared = prepared(template, Self.escaping(of: template))
    guard !template.isHTML, prepared.findings.isEmpty else { return nil }
    return prepared.pieces
  }

  func render(_ template: Template, _ values: [String: String], _ escaping: Escaping) throws(RenderProblem) -> String {
    try render(kept(template, escaping), values)
  }

  func render(_ kept: Kept, _ values: [String: String]) throws(RenderProblem) -> String {
    let escaping = kept.escaping
    guard kept.prepared.findings.isEmpty else { throw .malformed(kept.prepared.findings) }
    let missing = kept.prepared.required.filter { name in values[name]?.isBlank ?? true }
    guard missing.isEmpty else { throw .missingVariables(missing) }
    if let pieces = kept.prepared.pieces {
      var out = ""
      out.reserveCapacity(kept.count + 256)
      for piece in pieces {
        switch piece {
        case .text(let text): out += text
        case .variable(let name, let escaped):
          guard let value = values[name] else { continue }
          out += escaped ? escaping.escape(value) : value
        }
      }
      return out
    }
    return kept.prepared.mustache?.render(TemplateScope(values: values)) ?? ""
  }

  private static func escaping(of template: Template) -> Escaping { template.isHTML ? .html : .text }

  private func prepared(_ template: Template, _ escaping: Escaping) -> Prepared { kept(template, escaping).prepared }

  private func kept(_ template: Template, _ escaping: Escaping) -> Kept {
    let key = Key(template: template, escaping: escaping)
    if let known = cache.withLock({ $0[key] }) { return known }
    // Made outside the lock: two threads may both make one, and the same one.
    let made = Kept(prepare(template, escaping), template, escaping)
    cache.withLock { $0[key] = made }
    return made
  }

  private func prepare(_ template: Template, _ escaping: Escaping) -> Prepared {
    let scanned = ScannedTemplate(template)
    var prepared = Prepared(
      needs: scanned.needs, findings: scanned.findings, places: scanned.places,
      required: scanned.needs.required.sorted(),
      ofMailbox: scanned.needs.all.filter { $0.hasPrefix(Self.mailboxPrefix) }.sorted().map {
        String($0.dropFirst(Self.mailboxPrefix.utf8.count))
      }, pieces: takesShortWay ? scanned.pieces : nil)
    guard prepared.findings.isEmpty else { return prepared }
    Escaping.registered
    do {
      prepared.mustache = try MustacheTemplate(string: escaping.pragma + template.source)
    } catch {
      // The scanner refuses whatever swift-mustache would; should the two ever differ, the stricter one is right.
      let context = (error as? MustacheTemplate.ParserError)?.context
      let (line, column) = (max((context?.lineNumber ?? 2) - 1, 1), context?.columnNumber ?? 1)
      prepared.findings = [
        .error(
          template.place(line: line, column: column),
          "the template cannot be read as Mustache" + template.note(line: line, column: column))
      ]
    }
    return prepared
  }
}
