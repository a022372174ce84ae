import Foundation
import Model

/// Puts the names that a history will be asked for in the places of their tokens: those of the project, and of a plan's
/// lines. A name costs one HMAC, on all cores, and nothing where no day was pruned.
struct NameFinder {
  private var names: [[UInt8]] = []
  private static let piece = 1 << 15

  mutating func add(_ name: some Collection<UInt8>, to history: inout History) {
    if name.isEmpty { return }
    names.append(Array(name))
    if names.count == Self.piece { resolve(&history) }
  }

  mutating func add(_ name: String, to history: inout History) { add(name.utf8, to: &history) }

  mutating func resolve(_ history: inout History) {
    let pieces = min(names.count, ProcessInfo.processInfo.activeProcessorCount, 8)
    let (asked, search) = (names, Search())
    // Moved, not copied: looked at where nobody writes, and written to where nobody looks.
    swap(&search.history, &history)
    DispatchQueue.concurrentPerform(iterations: pieces) { piece in
      search.look(for: asked[asked.count * piece / pieces..<asked.count * (piece + 1) / pieces])
    }
    swap(&search.history, &history)
    names.removeAll(keepingCapacity: true)
    history.resolve(search.found)
  }

  /// Sendable because its history is only read by several threads, and what they find is behind the lock.
  private final class Search: @unchecked Sendable {
    var history = History()
    private let lock = NSLock()
    private(set) var found: [(name: [UInt8], token: [UInt8])] = []

    func look(for names: ArraySlice<[UInt8]>) {
      let own = history.known(names)
      lock.withLock { found += own }
    }
  }

  /// All names by which the project can ask for a person.
  mutating func add(_ project: Project, to history: inout History) {
    let table = project.contacts
    for i in 0..<table.count {
      let view = table.view(i)
      add(view.key, to: &history)
      if view.hasEmail, view.hasOwnID { add(view.email, to: &history) }
      if view.hasPhone { add(view.phone, to: &history) }
      for other in table.otherNames(i) { add(other, to: &history) }
    }
    for campaign in project.campaigns {
      guard case .messages(let table) = campaign.audience else { continue }
      for row in table.rows {
        for name in [row.contact, row.email?.canonical, row.phone?.e164] { add(name ?? "", to: &history) }
      }
    }
    for event in project.events { add(event.contact, to: &history) }
  }
}
