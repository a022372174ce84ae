import Foundation
import TestSupport

@testable import Config
@testable import Model

/// An independent judge of JSON Schema: the Python package jsonschema.
enum SchemaValidator {
  /// A Python that has it.
  static let python: String? = ["python3", "/usr/bin/python3", "/usr/local/bin/python3"].lazy
    .compactMap { Shell.find($0) }.first {
      (try? Shell.run($0, ["-c", "from jsonschema import Draft202012Validator"]).status) == 0
    }
  static let missing = "no python3 here has jsonschema (Debian: python3-jsonschema)"

  /// Takes lines of `[kind, document]`; for each says `ok`, or what is wrong and where.
  private static let program = """
    import json, sys
    from jsonschema import Draft202012Validator
    folder = sys.argv[1]
    validators = {}
    for kind in sys.argv[2].split(','):
      schema = json.load(open(f'{folder}/{kind}.json'))
      Draft202012Validator.check_schema(schema)
      validators[kind] = Draft202012Validator(schema)
    for line in open(f'{folder}/documents', encoding='utf-8'):
      kind, document = json.loads(line)
      errors = sorted(validators[kind].iter_errors(document), key=lambda e: list(map(str, e.path)))
      print('ok' if not errors else ' | '.join(f'{list(e.path)}: {e.message}' for e in errors)[:500].replace('\\n', ' '))
    """

  struct Failed: Error { var output: String }

  /// What it says of each document, in order.
  static func check(_ documents: [(kind: SchemaKind, value: JSON)]) throws -> [String] {
    let folder = try TemporaryFolder(["check.py": program])
    for kind in SchemaKind.allCases { try folder.write(JSONSchema.document(kind).pretty(), to: kind.file) }
    try folder.write(
      documents.map { JSON.array([.string($0.kind.rawValue), $0.value]).text + "\n" }.joined(), to: "documents")
    let kinds = SchemaKind.allCases.map(\.rawValue).joined(separator: ",")
    let output = try Shell.run(
      python ?? "python3", [folder.file("check.py"), folder.path, kinds], environment: ["PYTHONIOENCODING": "utf-8"],
      limit: 300)
    guard output.status == 0 else { throw Failed(output: output.error) }
    let lines = output.out.split(separator: "\n").map(String.init)
    guard lines.count == documents.count else { throw Failed(output: output.out + output.error) }
    return lines
  }

  /// The YAML files of a project that have a schema, as they are after aliases and merges.
  static func documents(_ folder: String) throws -> [(path: String, kind: SchemaKind, value: JSON)] {
    let files = ProjectFiles(root: folder)
    var paths: [(String, SchemaKind)] = [
      (SchemaKind.settings.path, .settings), (SchemaKind.mailboxes.path, .mailboxes),
      (SchemaKind.providers.path, .providers),
    ]
    paths += files.names(in: "campaigns").map { ("campaigns/\($0)/campaign.yaml", .campaign) }
    return try paths.filter { files.isFile($0.0) }.compactMap { path, kind in
      let bytes = Array(try Data(contentsOf: URL(filePath: files.absolute(path))))
      return YAMLReader.read(bytes, file: path).node.map { (path, kind, YAMLText.json($0)) }
    }
  }
}
