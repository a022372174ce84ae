import Model

/// How the variable parts of lines come about, by shape: subjects and values in pieces, as numbers and ranges of bytes,
/// so that reading a line retains nothing that two threads would share.
struct LineRecipes: Sendable {
  /// What the lines of one step and variant need beside the contact; of most mailboxes the same.
  struct Recipe: Hashable {
    var isRow: Bool
    var isEmail: Bool
    var isReply: Bool
    var hasSubject: Bool
    /// Of the pieces of its values, one for each of the shape's names, and of its subject.
    var values: Range<Int>
    var subject: Range<Int>
    /// A subject that only the renderer can make; -1 for none.
    var template: Int
    var campaign: Int
    var step: Int
  }

  /// A value: the contact's column, else the text that mailbox or campaign gives. Or a text alone, or the send's id.
  struct Piece: Hashable {
    var column: Int
    /// Of `text`; nil where there is none.
    var text: Range<Int>?
    var isSendID = false
    /// Of a subject's piece: which of the line's values it is, as these are there already; -1 for none of them.
    var value = -1
  }

  private var recipes: [Recipe] = []
  /// For each shape its recipe and its mailbox.
  private var shapes: [(recipe: UInt32, mailbox: UInt32)] = []
  private var index: [Content: UInt32] = [:]
  private var pieces: [Piece] = []
  /// The names of values, by piece.
  private var names: [String] = []
  private var text: [UInt8] = []
  private var templates: [Template] = []

  /// A recipe with its pieces and their names, wherever they lie.
  private struct Content: Hashable {
    var recipe: Recipe
    var pieces: [Piece]
    var names: [String]
    var texts: [ArraySlice<UInt8>]
  }

  subscript(shape: Int) -> Recipe { recipes[Int(shapes[shape].recipe)] }
  func name(_ piece: Int) -> String { names[piece] }

  mutating func append(
    _ recipe: Recipe, mailbox: Int, values: [(name: String, column: Int?, fallback: String?)], subject: Subject
  ) {
    var recipe = recipe
    let start = pieces.count
    for value in values { add(name: value.name, column: value.column, text: value.fallback) }
    recipe.values = start..<pieces.count
    recipe.template = -1
    recipe.hasSubject = false
    switch subject {
    case .none: recipe.subject = pieces.count..<pieces.count
    case .template(let template):
      recipe.subject = pieces.count..<pieces.count
      recipe.template = templates.count
      templates.append(template)
    case .pieces(let parts):
      recipe.hasSubject = true
      let start = pieces.count
      for part in parts {
        switch part {
        case .text(let text): add(name: "", column: nil, text: text)
        case .value(let value):
          add(name: value.name, column: value.column, text: value.fallback)
          pieces[pieces.count - 1].value = values.firstIndex { $0.name == value.name } ?? -1
        case .sendID:
          add(name: "", column: nil, text: nil)
          pieces[pieces.count - 1].isSendID = true
        }
      }
      recipe.subject = start..<pieces.count
    }
    shapes.append((UInt32(recipes.count), UInt32(mailbox)))
    recipes.append(recipe)
  }

  enum Subject {
    case none
    case template(Template)
    case pieces([Part])

    enum Part {
      case text(String)
      case value((name: String, column: Int?, fallback: String?))
      case sendID
    }
  }

  private mutating func add(name: String, column: Int?, text: String?) {
    let range = text.map { text -> Range<Int> in
      let start = self.text.count
      self.text += text.utf8
      return start..<self.text.count
    }
    pieces.append(Piece(column: column ?? -1, text: range))
    names.append(name)
  }

  /// Joins another mailbox's shapes to these. A recipe that is known already is not kept twice: lines of all mailboxes are
  /// written in turn, and what they need should be near.
  mutating func append(_ other: LineRecipes) {
    for shape in other.shapes {
      let recipe = other.recipes[Int(shape.recipe)]
      let content = other.content(of: recipe)
      let known = recipe.template < 0 ? index[content] : nil
      let number = known ?? UInt32(recipes.count)
      if known == nil {
        index[content] = number
        add(recipe, other)
      }
      shapes.append((number, shape.mailbox))
    }
  }

  private func content(of recipe: Recipe) -> Content {
    var (bare, own) = (recipe, recipe.values.map { $0 } + recipe.subject)
    own.sort()
    bare.values = 0..<recipe.values.count
    bare.subject = 0..<recipe.subject.count
    return Content(
      recipe: bare,
      pieces: own.map { i in
        var piece = pieces[i]
        piece.text = piece.text.map { 0..<$0.count }
        return piece
      },
      names: own.map { names[$0] }, texts: own.compactMap { i in pieces[i].text.map { text[$0] } })
  }

  private mutating func add(_ recipe: Recipe, _ other: LineRecipes) {
    var recipe = recipe
    func copy(_ range: Range<Int>) -> Range<Int> {
      let start = pieces.count
      for i in range {
        var piece = other.pieces[i]
        piece.text = piece.text.map { range in
          text += other.text[range]
          return text.count - range.count..<text.count
        }
        pieces.append(piece)
        names.append(other.names[i])
      }
      return start..<pieces.count
    }
    recipe.values = copy(recipe.values)
    recipe.subject = copy(recipe.subject)
    if recipe.template >= 0 {
      templates.append(other.templates[recipe.template])
      recipe.template = templates.count - 1
    }
    recipes.append(recipe)
  }

  /// A contact's value, appended; nil where neither it nor mailbox nor campaign has one.
  @inline(__always)
  func value(_ i: Int, _ contact: ContactView, _ parts: inout LineParts) -> Range<Int>? {
    let piece = pieces[i]
    if piece.column >= 0 {
      let cell = contact.value(piece.column)
      if !cell.isBlank { return parts.append(cell) }
    }
    guard let range = piece.text else { return nil }
    return text.withUnsafeBufferPointer { parts.append(Cell(rebasing: $0[range])) }
  }

  /// A piece of a subject.
  @inline(__always)
  func write(_ i: Int, _ contact: ContactView, _ id: SendID, _ parts: inout LineParts) {
    let piece = pieces[i]
    if piece.isSendID {
      _ = parts.append(id.text)
    } else if piece.value >= 0 {
      // Byte by byte: a slice would share the bytes, and appending copy them all.
      if let range = parts.values[piece.value] { for i in range { parts.bytes.append(parts.bytes[i]) } }
    } else {
      _ = value(i, contact, &parts)
    }
  }

  // MARK: For subjects that only the renderer can make

  func values(of recipe: Recipe, _ contact: ContactView) -> [String: String] {
    values(of: recipe) { piece, _ in
      piece.column < 0 ? nil : Optional(contact.value(piece.column)).flatMap { $0.isBlank ? nil : $0.text }
    }
  }

  func values(of recipe: Recipe, _ row: RowSend) -> [String: String] {
    values(of: recipe) { _, name in row.values[name].flatMap { $0.isBlank ? nil : $0 } }
  }

  private func values(of recipe: Recipe, _ own: (Piece, String) -> String?) -> [String: String] {
    var values: [String: String] = [:]
    for i in recipe.values {
      values[names[i]] =
        own(pieces[i], names[i]) ?? pieces[i].text.map { String(decoding: text[$0], as: UTF8.self) }
    }
    return values
  }

  /// Nil where the renderer refuses. `Planner` asks before a line is made: such a send is skipped.
  func render(_ shape: Int, _ values: [String: String], _ id: SendID, _ day: PlanningDay) -> String? {
    let recipe = self[shape]
    guard recipe.template >= 0 else { return nil }
    let mailbox = day.project.mailboxes[Int(shapes[shape].mailbox)]
    var values = values
    values["send_id"] = id.text
    for name in day.renderer.needs(of: templates[recipe.template]).all where name.hasPrefix("mailbox.") {
      values[name] = mailbox.variable(String(name.dropFirst("mailbox.".count)))
    }
    return try? day.renderer.render(templates[recipe.template], values)
  }

  /// Whether the renderer takes a send's subject.
  func canRender(_ send: DueSend, _ due: DueSteps, shape: Int, _ day: PlanningDay) -> Bool {
    let recipe = self[shape]
    guard recipe.template >= 0 else { return true }
    if recipe.isRow {
      let row = due.rows[Int(send.person)]
      return row.literal.subject != nil || render(shape, values(of: recipe, row), send.id, day) != nil
    }
    let contact = day.project.contacts.view(Int(send.person))
    return render(shape, values(of: recipe, contact), send.id, day) != nil
  }
}
