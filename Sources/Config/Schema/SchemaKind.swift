import Model

// Schema: what the keys' declarations say to people and to editors. It reads no project; the keys are declared, and
// decoded, in Keys.

/// A kind of YAML file that a project has.
public enum SchemaKind: String, CaseIterable, Sendable {
  case settings, campaign, mailboxes, providers

  /// Where such a file stands in the project.
  public var path: String {
    switch self {
    case .settings: "campaigns/settings.yaml"
    case .campaign: "campaigns/<id>/campaign.yaml"
    case .mailboxes: ListLoader.mailboxesYAML
    case .providers: ListLoader.providersPath
    }
  }

  /// Where the project keeps the kind's JSON Schema. The loader passes dot folders over, so that it is no campaign.
  public static let folder = "campaigns/.schema"
  public var file: String { "\(rawValue).json" }

  /// The line by which yaml-language-server, and the editors that use it, find the schema: relative to the file.
  public var editorHint: String {
    let place =
      switch self {
      case .settings: ".schema"
      case .campaign: "../.schema"
      case .mailboxes, .providers: "../campaigns/.schema"
      }
    return "# yaml-language-server: $schema=\(place)/\(file)"
  }

  /// Whether the file is a list of entries.
  var isList: Bool { self == .mailboxes || self == .providers }

  /// Of the file, or of an entry of its list.
  var entry: Schema {
    switch self {
    case .settings: SettingsKeys.schema
    case .campaign: CampaignKeys.schema
    case .mailboxes: MailboxKeys.schema
    case .providers: ProviderKeys.head
    }
  }

  /// The kinds of entries, by the value of their `type`; none where all are alike.
  var entryTypes: [(name: String, schema: Schema)] {
    self == .providers ? ProviderType.allCases.map { ($0.rawValue, ProviderKeys.schema($0)) } : []
  }

  /// What the file is.
  public var doc: String {
    switch self {
    case .settings: "The project's defaults. The file may be left out, and so may every key."
    case .campaign: "A campaign: a sequence of steps for an audience. Its folder's name is its id."
    case .mailboxes: "Sending identities: who the mail is from, and how much may go out."
    case .providers: "Ways out: servers, services and folders that take messages."
    }
  }
}

/// Every schema that is declared.
enum Schemas {
  static let all: [Schema] = {
    var found: [String: Schema] = [:]
    for kind in SchemaKind.allCases {
      for schema in kind.entryTypes.map(\.schema) + [kind.entry] { collect(schema, &found) }
    }
    return found.values.sorted { $0.name < $1.name }
  }()

  private static func collect(_ schema: Schema, _ found: inout [String: Schema]) {
    guard found.updateValue(schema, forKey: schema.name) == nil else { return }
    for key in schema.keys {
      for inner in key.shape.schemas { collect(inner, &found) }
    }
  }
}

extension Shape {
  /// Of the objects that stand directly in such a value.
  var schemas: [Schema] {
    switch self {
    case .object(let schema): [schema]
    case .list(let item), .map(let item): item.schemas
    case .either(let shapes): shapes.flatMap(\.schemas)
    case .string, .pattern, .text, .boolean, .integer, .number, .choice: []
    }
  }
}
