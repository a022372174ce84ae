import Foundation
import Model

/// The project's folder: paths relative to it, with `/`, and a record of every file that was read.
final class ProjectFiles {
  /// Absolute, without a slash at its end.
  let root: String
  /// Files that stand elsewhere: absolute paths by those in the project.
  private let copies: [String: String]
  private var roles: [String: InputFile] = [:]

  init(root: String, copies: [String: String] = [:]) {
    self.copies = copies
    let absolute = root.hasPrefix("/") ? root : FileManager.default.currentDirectoryPath + "/" + root
    self.root = "/" + (Self.normalise(absolute) ?? "")
  }

  var inputs: [InputFile] { roles.values.sorted { $0.path < $1.path } }

  func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : copies[path] ?? root + "/" + path }

  /// Without `.`, `..` and empty parts; nil if it would leave its root.
  static func normalise(_ path: String) -> String? {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." {
        guard parts.popLast() != nil else { return nil }
      } else {
        parts.append(part)
      }
    }
    return parts.joined(separator: "/")
  }

  /// A path that a campaign names, relative to `folder`, as one relative to the project; nil, with a finding, if it
  /// leaves the project, by its dots or by a symbolic link.
  func inside(_ path: String, relativeTo folder: String, at place: Place, _ findings: Findings) -> String? {
    guard !path.isEmpty, !path.hasPrefix("/"), !path.contains("\0"), let clean = Self.normalise(folder + "/" + path)
    else {
      findings.error(place, "'\(path)' must be a path inside the project, relative to \(folder)")
      return nil
    }
    if copies[clean] != nil { return clean }
    guard let real = Self.resolve(absolute(clean)) else {
      let there = names(in: (clean as NSString).deletingLastPathComponent)
      findings.error(
        place, "there is no file '\(clean)'" + Nearest.hint((clean as NSString).lastPathComponent, among: there))
      return nil
    }
    guard let home = Self.resolve(root), real.hasPrefix(home == "/" ? "/" : home + "/") else {
      findings.error(place, "'\(path)' leads out of the project; copy the file into it")
      return nil
    }
    guard isFile(clean) else {
      findings.error(place, "'\(clean)' is no file")
      return nil
    }
    return clean
  }

  private static func resolve(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  func isFile(_ path: String) -> Bool { mode(path) == S_IFREG }
  func isFolder(_ path: String) -> Bool { mode(path) == S_IFDIR }
  func exists(_ path: String) -> Bool { mode(path) != nil }

  private func mode(_ path: String) -> mode_t? {
    var info = stat()
    return stat(absolute(path), &info) == 0 ? info.st_mode & S_IFMT : nil
  }

  /// The names in a folder, sorted, less those that are passed over: dot files, `*.tmp`, `*.part`.
  func names(in folder: String) -> [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: absolute(folder))) ?? []
    return all.filter { !ProjectLoader.isPassedOver($0) }.sorted()
  }

  /// The regular files under `folder` that a pattern of `*` and `?` names, as paths relative to the project, sorted.
  func matches(_ pattern: String, in folder: String) -> [String] {
    guard let clean = Self.normalise(folder + "/" + pattern), !pattern.hasPrefix("/") else { return [] }
    var paths = [""]
    for part in clean.split(separator: "/").map(String.init) {
      let isPattern = part.contains("*") || part.contains("?")
      paths = paths.flatMap { base -> [String] in
        let candidates = isPattern ? names(in: base).filter { Self.matches($0, part) } : [part]
        return candidates.map { base.isEmpty ? $0 : base + "/" + $0 }
      }
    }
    return paths.filter(isFile).sorted()
  }

  static func matches(_ name: String, _ pattern: String) -> Bool {
    let (text, wild) = (Array(name), Array(pattern))
    var (i, j) = (0, 0)
    var star: (text: Int, wild: Int)?
    while i < text.count {
      if j < wild.count, wild[j] == "*" {
        star = (i, j)
        j += 1
      } else if j < wild.count, wild[j] == "?" || wild[j] == text[i] {
        i += 1
        j += 1
      } else if let last = star {
        star = (last.text + 1, last.wild)
        i = last.text + 1
        j = last.wild + 1
      } else {
        return false
      }
    }
    return wild[j...].allSatisfy { $0 == "*" }
  }

  func record(_ path: String, _ source: ByteSource, _ role: InputFile.Role) {
    // Of two roles the one that holds a plan back counts.
    if let old = roles[path], old.role.makesStale || !role.makesStale { return }
    roles[path] = InputFile(path: path, digest: source.digestText, role: role)
  }

  /// The bytes of a small file; nil, with a finding, if it cannot be read.
  func bytes(_ path: String, _ role: InputFile.Role, _ findings: Findings, at place: Place? = nil) -> [UInt8]? {
    let limit = YAMLReader.Limits().bytes
    do {
      let source = try ByteSource(path: absolute(path))
      let bytes = try source.readAll(limit: limit)
      guard bytes.count <= limit else {
        findings.error(place ?? Place(path), "the file '\(path)' is larger than \(limit >> 20) MiB")
        return nil
      }
      record(path, source, role)
      return bytes
    } catch {
      findings.error(place ?? Place(path), error.message)
      return nil
    }
  }

  func yaml(_ path: String, _ role: InputFile.Role, _ findings: Findings) -> YAMLNode? {
    bytes(path, role, findings).flatMap { YAMLReader.read($0, file: path, findings: findings) }
  }
}
