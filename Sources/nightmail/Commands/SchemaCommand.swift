import ArgumentParser
import Config
import Foundation
import Model

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "JSON Schema of the project's YAML files, for editors and checkers.",
    discussion: """
      KIND is settings, campaign, mailboxes or providers; without it, says which there are. `--out campaigns/.schema` \
      writes all of them where the projects of `init` keep theirs: do so again after an update of nightmail. A file whose \
      first line is `# yaml-language-server: $schema=PATH` is completed and checked by editors that know that line.
      """)

  @OptionGroup var options: GlobalOptions
  @Option(help: ArgumentHelp("Writes it to a file in this folder; without KIND, all of them.", valueName: "dir"))
  var out: String?
  @Argument(
    help: ArgumentHelp("settings, campaign, mailboxes or providers.", valueName: "kind"),
    completion: .list(SchemaKind.allCases.map(\.rawValue)))
  var kind: String?

  func run() throws {
    let chosen = try kind.map(Self.read)
    if let out {
      let paths = try Self.write(chosen.map { [$0] } ?? SchemaKind.allCases, to: GlobalOptions.absolute(out))
      if options.json { return Console.out(.array(paths.map { .string($0) })) }
      return Console.out(paths.map { "Wrote \($0)" }.joined(separator: "\n"))
    }
    if let chosen { return Console.out(JSONSchema.document(chosen).pretty()) }
    if options.json {
      return Console.out(
        .array(
          SchemaKind.allCases.map {
            .members(("kind", .string($0.rawValue)), ("path", .string($0.path)), ("doc", .string($0.doc)))
          }))
    }
    let width = SchemaKind.allCases.map(\.rawValue.count).max() ?? 0
    for kind in SchemaKind.allCases {
      Console.out(kind.rawValue.padding(toLength: width + 2, withPad: " ", startingAt: 0) + kind.path)
    }
    if !options.quiet {
      Console.error("One of them: nightmail schema KIND. All, as files: nightmail schema --out \(SchemaKind.folder)")
    }
  }

  private static func read(_ word: String) throws -> SchemaKind {
    let names = SchemaKind.allCases.map(\.rawValue)
    guard let kind = SchemaKind(rawValue: word) else {
      throw Failure(
        .failed,
        "there is no schema '\(word)'; "
          + (Nearest.match(word, among: names).map { "did you mean '\($0)'?" }
            ?? "there are \(names.joined(separator: ", "))"))
    }
    return kind
  }

  /// - Returns: the files' paths.
  static func write(_ kinds: [SchemaKind], to folder: String) throws -> [String] {
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      return try kinds.map { kind in
        let path = "\(folder)/\(kind.file)"
        try Data(JSONSchema.document(kind).pretty().utf8).write(to: URL(filePath: path), options: .atomic)
        return path
      }
    } catch {
      throw Failure(.failed, "\(folder): \(error.localizedDescription)")
    }
  }
}
