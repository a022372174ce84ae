import Config
import Model

/// What a run asks of the contacts: who has turned a channel off since the plan was made, and what else they are known
/// by. The plan was made of the contacts, so that nobody is asked for as long as nothing can have news of them; then a
/// million of them take no memory.
final class People {
  private var table: ContactTable?
  private let load: () throws -> ContactTable
  /// Of suppressions and events, as they were when it was found that nothing has news.
  private let baseline: DropsFingerprint

  /// - Parameters:
  ///   - table: nil where nothing has news of them yet.
  ///   - baseline: taken before that was found.
  init(_ table: ContactTable?, baseline: DropsFingerprint, load: @escaping () throws -> ContactTable) {
    self.table = table
    self.baseline = baseline
    self.load = load
  }

  /// Suppressions or events have been read: what is new in them may name people otherwise than the plan does.
  func heed(_ fingerprint: DropsFingerprint?) throws {
    if table == nil, fingerprint != baseline { table = try load() }
  }

  /// All that the contact of a line is known by.
  func names(_ send: PlannedSend) -> [String] {
    guard let table, let index = table.index(of: send.contact) else { return [] }
    return Self.names(index, in: table)
  }

  private static func names(_ index: Int, in table: ContactTable) -> [String] {
    let contact = table[index]
    return [contact.key, contact.email?.canonical, contact.phone?.e164].compactMap { $0 } + table.otherNames(index)
  }

  /// The names of the contacts that have one of these.
  func others(of names: Set<String>) -> Set<String> {
    guard let table else { return [] }
    return Set(names.compactMap { table.index(of: $0) }.flatMap { Self.names($0, in: table) })
  }

  /// Hands over the hashes of each contact's names, where there are several.
  func forEachName(_ body: ([UInt64]) -> Void) {
    guard let table else { return }
    for index in 0..<table.count {
      let hashes = Self.hashes(index, in: table)
      if hashes.count > 1 { body(hashes) }
    }
  }

  private static func hashes(_ index: Int, in table: ContactTable) -> [UInt64] {
    let view = table.view(index)
    var hashes = [ByteHash.of(view.key)]
    if view.hasEmail { hashes.append(ByteHash.of(view.email)) }
    if view.hasPhone { hashes.append(ByteHash.of(view.phone)) }
    return hashes + table.otherNames(index).map { ByteHash.of($0) }
  }

  /// The hashes of all names of those who have turned a channel off.
  func optedOut(_ channel: Channel) -> Set<UInt64> {
    guard let table else { return [] }
    var hashes: Set<UInt64> = []
    for index in 0..<table.count {
      let view = table.view(index)
      if channel == .email ? view.emailEnabled : view.smsEnabled { continue }
      hashes.formUnion(Self.hashes(index, in: table))
    }
    return hashes
  }

  func hasOptedOut(_ send: PlannedSend) -> Bool {
    guard let table, let index = table.index(of: send.contact) else { return false }
    let view = table.view(index)
    return send.channel == .email ? !view.emailEnabled : !view.smsEnabled
  }
}

extension PlanHeader {
  /// Whether something that the plan was made of has changed that tells of people: its contacts, or suppressions and
  /// events, which may name them by any of their names.
  func hasNews(of project: Project) -> Bool {
    if project.events.contains(where: { $0.type == .sent }) { return true }
    var paths: Set<String> = []
    for input in project.inputs {
      paths.insert(input.path)
      switch input.role {
      case .contacts, .suppressions, .events: if inputs[input.path] != input.digest { return true }
      case .settings, .campaign, .template, .attachment, .mailboxes, .messages, .providers: break
      }
    }
    return inputs.keys.contains { $0.hasPrefix("data/") && !paths.contains($0) }
  }
}
