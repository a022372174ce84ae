import Foundation
import Journal
import Model
import Reporting

/// One send's whole story, of all days: what plans made of it, and every record. For `status --id`.
struct IDStory {
  private let record: SendRecord?
  /// As the last plan has it.
  private let planned: PlannedSend?
  private let lines: [String]

  /// - Parameter id: an id, or its first digits.
  /// - Throws: `Failure` where it names none, or several.
  init(_ id: String, _ output: OutputFolder, zone: Zone) throws {
    var lines: [String] = []
    var ids: Set<SendID> = []
    var history = History()
    let prefix = IDPrefix(id)
    try HistoryReader.forEachRecord(output) { record in
      guard let found = record.send?.id, prefix?.matches(found) == true else { return }
      ids.insert(found)
      history.apply(record)
      lines.append(SendStory.line(record, zone: zone))
    }
    let planned = try prefix.map { try Self.planned($0, output) } ?? []
    ids.formUnion(planned.map(\.send.id))
    guard ids.count == 1, let only = ids.first else {
      throw Failure(
        .failed,
        ids.isEmpty ? "no plan and no result has a send '\(id)'" : "'\(id)' begins \(ids.count) ids; give more digits")
    }
    record = history.sends[only]
    self.planned = planned.last?.send
    self.lines = planned.map { SendStory.line(planned: $0.send, on: $0.date, zone: zone) } + lines
  }

  var text: String {
    let head = record.map(SendStory.head) ?? planned.map(SendStory.head(planned:)) ?? ""
    return "\(head)\n\n\(lines.joined(separator: "\n"))"
  }

  var json: JSON { record.map(SendStory.json) ?? planned.map(SendStory.json(planned:)) ?? .null }

  /// The lines of the days' present plans that it may name, the earliest day first.
  private static func planned(
    _ prefix: IDPrefix, _ output: OutputFolder
  ) throws -> [(date: CalendarDay, send: PlannedSend)] {
    var found: [(date: CalendarDay, send: PlannedSend)] = []
    for day in try output.days() where FileManager.default.fileExists(atPath: day.planPath) {
      // An old day's plan that is whole no more takes nothing from what the results tell.
      guard let header = try? PlanFile.header(day.planPath),
        let (index, lines) = try? PlanIndex.read(day.planPath, header: header)
      else { continue }
      for (number, known) in index.ids.enumerated() where prefix.matches(known) {
        found.append((day.date, try lines.send(number)))
      }
    }
    return found
  }
}

/// An id's first digits, for a look at millions of ids without making texts of them.
private struct IDPrefix {
  private let high: UInt64
  private let low: UInt64
  private let masks: (high: UInt64, low: UInt64)

  /// Nil for what begins no id.
  init?(_ text: String) {
    let count = text.utf8.count
    guard (1...32).contains(count),
      let id = SendID(text.lowercased() + String(repeating: "0", count: 32 - count))
    else { return nil }
    func mask(_ digits: Int) -> UInt64 { digits <= 0 ? 0 : digits >= 16 ? .max : ~(.max >> UInt64(digits * 4)) }
    (high, low) = (id.high, id.low)
    masks = (mask(count), mask(count - 16))
  }

  func matches(_ id: SendID) -> Bool { id.high & masks.high == high && id.low & masks.low == low }
}
