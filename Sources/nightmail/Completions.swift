import ArgumentParser
import Config
import Foundation
import Journal
import Model

/// What a shell offers behind TAB. It looks into the project that the command line names, quickly and without ever
/// saying anything: what cannot be read is not offered.
enum Completions {
  static let campaigns = CompletionKind.custom { words, _, _ in ids(of: .campaign, in: words) }
  static let mailboxes = CompletionKind.custom { words, _, _ in ids(of: .mailboxes, in: words) }
  static let providers = CompletionKind.custom { words, _, _ in ids(of: .providers, in: words) }
  static let plans = CompletionKind.custom { words, _, _ in plans(words) }
  static let deadLetters = CompletionKind.custom { words, _, prefix in deadLetters(words, prefix: prefix) }
  static let parts = CompletionKind.list(["campaign", "mailbox", "provider"])
  static let days = CompletionKind.list(["today", "tomorrow"])
  /// Of whatever the word before it says: `pause mailbox …`.
  static let partNames = CompletionKind.custom { words, _, _ in
    for word in words.dropFirst() {
      switch word {
      case "campaign": return ids(of: .campaign, in: words)
      case "mailbox": return ids(of: .mailboxes, in: words)
      case "provider": return ids(of: .providers, in: words)
      default: continue
      }
    }
    return []
  }
  static var keys: [String] {
    SchemaKind.allCases.map(\.rawValue) + KeyGuide.all.map(\.path)
  }

  /// Files are read whole, and none that is larger than this.
  private static let limit = 1 << 20

  private static func ids(of kind: SchemaKind, in words: [String]) -> [String] {
    let folder = folder(words)
    switch kind {
    case .campaign:
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/campaigns")) ?? []
      return names.filter { FileManager.default.fileExists(atPath: "\(folder)/campaigns/\($0)/campaign.yaml") }.sorted()
    case .mailboxes, .providers:
      return ProjectIDs.read(kind, folder: folder, limit: limit)
    case .settings: return []
    }
  }

  /// The days that have a plan, the latest first, and the words for those that will soon have one.
  private static func plans(_ words: [String]) -> [String] {
    let days = (try? output(words).days()) ?? []
    let dates = days.filter { FileManager.default.fileExists(atPath: $0.planPath) }.map { "\($0.date)" }
    return ["today", "tomorrow", "yesterday"] + dates.sorted(by: >).prefix(60)
  }

  /// Ids of the last days' dead letters, as the derived files have them.
  private static func deadLetters(_ words: [String], prefix: String) -> [String] {
    let days = ((try? output(words).days()) ?? []).sorted { $0.date > $1.date }
    var ids: [String] = []
    for day in days.prefix(30) where ids.count < 200 {
      guard let info = try? FileManager.default.attributesOfItem(atPath: day.deadLettersPath),
        (info[.size] as? Int ?? 0) <= limit, let letters = try? DeadLetters.readFile(day.deadLettersPath)
      else { continue }
      ids += letters.map { "\($0.id)" }.filter { prefix.isEmpty || $0.hasPrefix(prefix) }
    }
    return Array(ids.prefix(200))
  }

  /// `--project DIR` or `--project=DIR`; this folder without it.
  private static func folder(_ words: [String]) -> String {
    GlobalOptions.absolute(value(of: "--project", in: words) ?? ".")
  }

  private static func output(_ words: [String]) -> OutputFolder {
    let named = value(of: "--output", in: words) ?? ProcessInfo.processInfo.environment["NIGHTMAIL_OUTPUT"]
    let output = OutputFolder(
      named.flatMap { $0.isEmpty ? nil : GlobalOptions.absolute($0) } ?? "\(folder(words))/output")
    return words.contains("--rehearse") ? output.rehearsal : output
  }

  private static func value(of option: String, in words: [String]) -> String? {
    for (i, word) in words.enumerated() {
      if word == option, i + 1 < words.count { return unquoted(words[i + 1]) }
      if word.hasPrefix(option + "=") { return unquoted(String(word.dropFirst(option.count + 1))) }
    }
    return nil
  }

  /// Shells hand words over as they are typed.
  private static func unquoted(_ word: String) -> String {
    let home = ProcessInfo.processInfo.environment["HOME"] ?? "~"
    let plain = word.filter { !"'\"\\".contains($0) }
    return plain.hasPrefix("~/") ? home + plain.dropFirst() : plain
  }
}
