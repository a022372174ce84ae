/// The history as bytes, for a snapshot of it: its columns as they lie in memory, and what is small in a section of its
/// own. Only the machine that wrote an image reads it; who keeps one keeps `History.imageFingerprint` and a checksum
/// beside it, and takes no image whose own differ.
extension History {
  /// Changes whenever images of earlier versions must not be read.
  package static var imageFingerprint: UInt64 { Words.fingerprint ^ 1 }

  package var sendCount: Int { rows.count }

  /// Hands the sections to `body`. What stands in `reserved`, `firstExpiry` and `digest` is in none of them.
  package func withImage<R, E: Error>(_ body: ([UnsafeRawBufferPointer]) throws(E) -> R) throws(E) -> R {
    // Through a result, since the buffers' own functions do not say what they throw.
    let rest = rest()
    let result: Result<R, E> = rows.withUnsafeBytes { rows in
      arena.bytes.withUnsafeBytes { arena in
        byID.slots.withUnsafeBytes { byID in
          byPerson.slots.withUnsafeBytes { byPerson in
            persons.words.withUnsafeBytes { words in
              rest.withUnsafeBytes { rest in
                do throws(E) {
                  return .success(try body([rows, arena, byID, byPerson, words, rest]))
                } catch {
                  return .failure(error)
                }
              }
            }
          }
        }
      }
    }
    return try result.get()
  }

  /// A history out of an image.
  /// - Parameters:
  ///   - sizes: of the sections, in bytes.
  ///   - spare: how many sends are likely to be added: room is left for them.
  ///   - fill: puts the sections' bytes in their places, and says whether they are what was once written.
  /// - Returns: nil where `fill` says no, or the sizes are none of an image.
  package init?(sizes: [Int], spare: Int, fill: ([UnsafeMutableRawBufferPointer]) -> Bool) {
    let stride = MemoryLayout<HistoryRow>.stride
    guard sizes.count == 6, sizes.allSatisfy({ $0 >= 0 }), sizes[0] % stride == 0, sizes[1] >= 8,
      sizes[2...4].allSatisfy({ $0 % 8 == 0 })
    else { return nil }
    self.init()
    var isGood = false
    var rest: [UInt8] = []
    let wanted = sizes[0] / stride + spare
    rows = .init(unsafeUninitializedCapacity: wanted) { rows, rowCount in
      arena.bytes = .init(unsafeUninitializedCapacity: sizes[1] + spare * 112) { arena, arenaCount in
        byID.slots = .init(unsafeUninitializedCapacity: sizes[2] / 8) { byID, byIDCount in
          byPerson.slots = .init(unsafeUninitializedCapacity: sizes[3] / 8) { byPerson, byPersonCount in
            persons.words = .init(unsafeUninitializedCapacity: sizes[4] / 8) { words, wordCount in
              rest = .init(unsafeUninitializedCapacity: sizes[5]) { rest, restCount in
                let sections = [
                  UnsafeMutableRawBufferPointer(rows), .init(arena), .init(byID), .init(byPerson), .init(words),
                  .init(rest),
                ]
                isGood = fill(zip(sections, sizes).map { .init(rebasing: $0[..<$1]) })
                if isGood { restCount = sizes[5] }
              }
              if isGood { wordCount = sizes[4] / 8 }
            }
            if isGood { byPersonCount = sizes[3] / 8 }
          }
          if isGood { byIDCount = sizes[2] / 8 }
        }
        if isGood { arenaCount = sizes[1] }
      }
      if isGood { rowCount = sizes[0] / stride }
    }
    guard isGood else { return nil }
    rest.withUnsafeBufferPointer { take(rest: $0) }
    settle()
  }

  private func rest() -> [UInt8] {
    var out: [UInt8] = []
    out.put(number: UInt64(byPerson.count))
    for table in [campaigns, steps, mailboxes, providers, domains] {
      out.put(number: UInt64(table.names.count))
      for var name in table.names { name.withUTF8 { out.put(text: $0) } }
    }
    for times in [lastByMailbox, lastByProvider] {
      out.put(number: UInt64(times.count))
      for time in times { out.put(signed: time) }
    }
    out.put(number: UInt64(spentRows.count))
    spentRows.withUnsafeBytes { out.append(contentsOf: $0) }
    out.put(number: UInt64(bounceRows.count))
    for bounce in bounceRows {
      out.put(signed: bounce.at)
      out.put(number: UInt64(bounce.block))
    }
    return out
  }

  private mutating func take(rest: UnsafeBufferPointer<UInt8>) {
    var reader = BlockReader(rest, block: 0)
    byID = HistoryTable(slots: byID.slots, count: rows.count)
    byPerson = HistoryTable(slots: byPerson.slots, count: Int(reader.number()))
    func names() -> NameTable {
      var table = NameTable()
      for _ in 0..<reader.number() { _ = table.number(reader.text()) }
      return table
    }
    campaigns = names()
    steps = names()
    mailboxes = names()
    providers = names()
    domains = names()
    func times() -> [Int64] { (0..<reader.number()).map { _ in reader.signed() } }
    lastByMailbox = times()
    lastByProvider = times()
    let size = MemoryLayout<HistoryRow>.stride
    for _ in 0..<reader.number() {
      spentRows.append(UnsafeRawBufferPointer(rest).loadUnaligned(fromByteOffset: reader.at, as: HistoryRow.self))
      reader.at += size
    }
    bounceRows = (0..<reader.number()).map { _ in Bounce(at: reader.signed(), block: UInt32(reader.number())) }
  }
}
