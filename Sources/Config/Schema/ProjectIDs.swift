import Foundation
import Model

/// The ids of a list file's entries, without looking at anything else in it: for whoever needs names quickly.
public enum ProjectIDs {
  /// - Parameter limit: bytes; of a larger file, and of one that cannot be read, there are none.
  public static func read(_ kind: SchemaKind, folder: String, limit: Int) -> [String] {
    let files = ProjectFiles(root: folder)
    if kind == .mailboxes, !files.exists(kind.path) { return column("id", of: ListLoader.mailboxesCSV, files, limit) }
    guard let bytes = bytes(kind.path, files, limit),
      case .sequence(let items)? = YAMLReader.read(bytes, file: kind.path).node?.content
    else { return [] }
    return items.compactMap { $0["id"]?.scalar?.text }
  }

  private static func column(_ name: String, of path: String, _ files: ProjectFiles, _ limit: Int) -> [String] {
    guard bytes(path, files, limit) != nil else { return [] }
    var at: Int?
    var values: [String] = []
    CSVFile.read(path, .mailboxes, files, Findings()) { header in
      at = header.index(name)
      return at != nil
    } row: { reader, _ in
      if let at { values.append(reader.text(at).trimmingCharacters(in: .whitespaces)) }
    }
    return values
  }

  private static func bytes(_ path: String, _ files: ProjectFiles, _ limit: Int) -> [UInt8]? {
    guard let source = try? ByteSource(path: files.absolute(path)), let bytes = try? source.readAll(limit: limit),
      bytes.count <= limit
    else { return nil }
    return bytes
  }
}
