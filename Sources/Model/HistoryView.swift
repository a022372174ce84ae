import CMemory

/// The history as it lies in memory, with nothing to retain: for looking millions of contacts up on several threads.
/// Valid as long as the history that gave it is kept and not changed, which whoever keeps this sees to.
///
/// Sendable although it is made of pointers: they point at the elements of the history's arrays, which stay where they
/// are and what they are while somebody holds the arrays and nobody changes the history.
public struct HistoryView: @unchecked Sendable {
  private let rows: UnsafeBufferPointer<HistoryRow>
  private let bytes: UnsafeBufferPointer<UInt8>
  private let byPerson: UnsafeBufferPointer<UInt64>
  private let persons: UnsafeBufferPointer<UInt64>
  private let domains: NameTable.View

  fileprivate init(_ history: borrowing History) {
    rows = history.rows.withUnsafeBufferPointer { $0 }
    bytes = history.arena.bytes.withUnsafeBufferPointer { $0 }
    byPerson = history.byPerson.slots.withUnsafeBufferPointer { $0 }
    persons = history.persons.words.withUnsafeBufferPointer { $0 }
    domains = history.domains.view
  }

  public var isEmpty: Bool { rows.isEmpty }

  /// False only if no send of any campaign is known under a person – a contact's key or a canonical address – with
  /// this hash. A few nanoseconds.
  @inline(__always)
  public func mayKnow(personHash: UInt64) -> Bool { HashFilter.contains(personHash, in: persons) }

  /// The sends of a person in order of their first record, those of the very person and of nobody else with its hash.
  /// - Parameters:
  ///   - personHash: `ByteHash` of `person`.
  ///   - person: a contact's key or a canonical address, as UTF-8.
  @inline(__always)
  public func forEachSend(
    personHash: UInt64, _ person: UnsafeBufferPointer<UInt8>, _ body: (HistoryEntry) -> Void
  ) {
    forEachRow(personHash, person) { body(HistoryEntry(rows[$0], bytes, number: UInt32($0))) }
  }

  /// The same by the hash alone, for whoever goes on to look at the person: somebody else's sends are handed over with a
  /// chance of one in 2⁶⁴.
  public func forEachSend(personHash: UInt64, _ body: (HistoryEntry) -> Void) {
    guard mayKnow(personHash: personHash) else { return }
    let slot = HistoryTable.find(personHash, in: byPerson) { node in
      let texts = SendTexts(rows[Int(node >> 1)], bytes)
      return ByteHash.of(node & 1 == 0 ? texts.contact : texts.canonical) == personHash
    }
    guard let slot else { return }
    let tail = HistoryTable.number(byPerson[slot])
    var node = tail
    repeat {
      let last = rows[Int(node >> 1)]
      node = node & 1 == 0 ? last.nextByContact : last.nextByTo
      body(HistoryEntry(rows[Int(node >> 1)], bytes, number: node >> 1))
    } while node != tail
  }

  /// Numbers of rows.
  @inline(__always)
  func forEachRow(_ hash: UInt64, _ person: UnsafeBufferPointer<UInt8>, _ body: (Int) -> Void) {
    guard mayKnow(personHash: hash), let slot = findPerson(hash, person) else { return }
    let tail = HistoryTable.number(byPerson[slot])
    var node = tail
    repeat {
      let last = rows[Int(node >> 1)]
      node = node & 1 == 0 ? last.nextByContact : last.nextByTo
      body(Int(node >> 1))
    } while node != tail
  }

  /// The hash of the name under which a node is in a ring.
  func personHash(_ node: UInt32) -> UInt64 {
    let texts = SendTexts(rows[Int(node >> 1)], bytes)
    return ByteHash.of(node & 1 == 0 ? texts.contact : texts.canonical)
  }

  /// The slot of a person in the history's table.
  @inline(__always)
  func findPerson(_ hash: UInt64, _ person: UnsafeBufferPointer<UInt8>) -> Int? {
    HistoryTable.find(hash, in: byPerson) { node in
      let texts = SendTexts(rows[Int(node >> 1)], bytes)
      return (node & 1 == 0 ? texts.contact : texts.canonical).isSame(as: person)
    }
  }

  func record(_ number: Int, _ history: History) -> SendRecord { history.record(rows[number], bytes) }

  /// What a reply can refer to: whether the last attempt had a Message-ID, other than an empty one, and a subject.
  public func hasMessage(_ entry: HistoryEntry) -> (id: Bool, subject: Bool) {
    let detail = HistoryDetail(entry.row, bytes)
    let hasID =
      switch detail.messageID {
      case .none: false
      case .text(let text): !text.isEmpty
      case .ofDomain: true
      }
    return (hasID, detail.subject != nil)
  }

  /// The Message-ID of the last attempt, added to `out`, and its subject, valid as long as the view; nil where there is
  /// none.
  public func message(_ number: UInt32, into out: inout LineParts) -> (id: Range<Int>?, subject: Cell?) {
    let row = rows[Int(number)]
    let detail = HistoryDetail(row, bytes)
    switch detail.messageID {
    case .none: return (nil, detail.subject)
    case .text(let text): return (text.isEmpty ? nil : out.append(text), detail.subject)
    case .ofDomain(let number):
      let start = out.bytes.count
      out.bytes.append(0x3C)
      row.id.appendText(to: &out.bytes)
      out.bytes.append(0x40)
      _ = out.append(domains[number])
      out.bytes.append(0x3E)
      return (start..<out.bytes.count, detail.subject)
    }
  }
}

/// For persons and sends that are about to be looked up: each step brings near what the next one reads, so that for many
/// of them each is waited for once.
extension HistoryView {
  public enum Fetch: CaseIterable { case slot, row, texts }

  @inline(__always)
  public func fetch(_ step: Fetch, personHash: UInt64) {
    guard mayKnow(personHash: personHash), let base = byPerson.baseAddress else { return }
    let slot = base + HistoryTable.place(personHash, byPerson.count)
    if step == .slot { return nightmail_prefetch(slot) }
    if slot.pointee != 0 { fetch(step, HistoryTable.number(slot.pointee) >> 1) }
  }

  @inline(__always)
  public func fetch(_ step: Fetch, _ number: UInt32) {
    guard step != .slot, let row = rows.baseAddress.map({ $0 + Int(number) }) else { return }
    if step == .row { return nightmail_prefetch(row) }
    guard let texts = bytes.baseAddress else { return }
    nightmail_prefetch(texts + Int(row.pointee.identity) * 8)
    nightmail_prefetch(texts + Int(row.pointee.detail) * 8)
  }
}

extension History {
  /// Holds while this history is kept unchanged.
  public var view: HistoryView { HistoryView(self) }
}
