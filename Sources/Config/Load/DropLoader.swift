import Foundation
import Model

/// Suppressions and events as a running send reads them again.
public struct DropsReading: Sendable {
  public var suppressions: [Suppression]
  public var events: [Event]
  /// Any error among them means: the last good set holds (DESIGN §2).
  public var findings: [Finding]
  /// The files that were there, relative to the project. One that was there before and is not any more must not
  /// shrink what is suppressed either: the caller compares.
  public var files: [String]

  public var isGood: Bool { !findings.contains { $0.severity == .error } }
}

/// What tells cheaply whether suppressions or events may have changed: paths, sizes, times and file numbers.
public struct DropsFingerprint: Hashable, Sendable {
  var entries: [String]
}

/// Reads `suppressions.csv` and the events files. Every row that cannot be read is an error: it may be somebody who
/// must not be written to.
struct DropLoader {
  static let suppressionsPath = "data/suppressions.csv"
  static let eventsPath = "data/events.csv"
  static let suppressionColumns = ["value", "reason", "campaign", "until"]
  static let eventColumns = ["at", "type", "contact", "campaign", "step", "message_id", "detail"]

  let files: ProjectFiles
  let zone: Zone
  let findings: Findings

  static func paths(_ files: ProjectFiles) -> (suppressions: [String], events: [String]) {
    (
      files.exists(suppressionsPath) ? [suppressionsPath] : [],
      (files.exists(eventsPath) ? [eventsPath] : []) + files.matches("*.csv", in: "data/events")
        + files.matches("*.jsonl", in: "data/events")
    )
  }

  static func fingerprint(_ files: ProjectFiles) -> DropsFingerprint {
    let (suppressions, events) = paths(files)
    return DropsFingerprint(
      entries: (suppressions + events).map { path in
        var info = stat()
        guard stat(files.absolute(path), &info) == 0 else { return path }
        let (time, change) = (info.st_mtim, info.st_ctim)
        return
          "\(path) \(info.st_ino) \(info.st_size) \(time.tv_sec).\(time.tv_nsec) \(change.tv_sec).\(change.tv_nsec)"
      })
  }

  /// A value as `suppressions.csv` may hold it, in the form that is compared: a canonical address, `@` and a domain,
  /// or an E.164 number.
  static func canonical(_ text: String) -> String? {
    if text.hasPrefix("@") { return EmailAddress.domain(String(text.dropFirst())).map { "@" + $0 } }
    return EmailAddress(text)?.canonical ?? PhoneNumber(text)?.e164
  }

  func suppressions() -> [Suppression] {
    var list: [Suppression] = []
    for path in Self.paths(files).suppressions {
      RowFile.read(path, .suppressions, files, findings) { header in
        check(header, Self.suppressionColumns, required: ["value"])
      } row: { row in
        if let one = suppression(row) { list.append(one) }
      } bad: { place, message in
        findings.error(place, message)
      }
    }
    return list
  }

  private func suppression(_ row: DataRow) -> Suppression? {
    guard let text = trimmed(row, "value") else {
      findings.error(row.place, "the row has no 'value': an address, @domain or number")
      return nil
    }
    guard let value = Self.canonical(text) else {
      findings.error(row.place("value"), "'\(text.prefix(100))' is no address, no @domain and no phone number")
      return nil
    }
    var until: Instant?
    if let text = trimmed(row, "until") {
      // A bare date holds through its day: to write too late is better than too early.
      until = CalendarDay(text).map { zone.instant($0 + 1, second: 0) } ?? Instant(text, zone: zone)
      guard until != nil else {
        findings.error(row.place("until"), "'\(text.prefix(40))' is no date or time, such as 2026-12-31")
        return nil
      }
    }
    return Suppression(
      value: value, reason: trimmed(row, "reason"), campaign: trimmed(row, "campaign"), until: until, place: row.place)
  }

  /// With the places, for checks against the campaigns.
  func events() -> [(event: Event, place: Place)] {
    var list: [(Event, Place)] = []
    for path in Self.paths(files).events {
      RowFile.read(path, .events, files, findings) { header in
        check(header, Self.eventColumns, required: ["at", "type", "contact"])
      } row: { row in
        if let one = event(row) { list.append((one, row.place)) }
      } bad: { place, message in
        findings.error(place, message)
      }
    }
    return list
  }

  private func event(_ row: DataRow) -> Event? {
    var isGood = true
    func need(_ name: String) -> String {
      if let text = trimmed(row, name) { return text }
      findings.error(row.place, "the event has no '\(name)'")
      isGood = false
      return ""
    }
    let (atText, typeText, contact) = (need("at"), need("type"), need("contact"))
    guard isGood else { return nil }
    guard let at = Instant(atText, zone: zone) else {
      findings.error(row.place("at"), "'\(atText.prefix(40))' is no time, such as 2026-11-20T09:00:00+01:00")
      return nil
    }
    guard let type = EventType(rawValue: typeText.lowercased()) else {
      let words = EventType.allCases.map(\.rawValue)
      findings.error(
        row.place("type"),
        "'\(typeText.prefix(40))' is no event; the types are \(words.joined(separator: ", "))"
          + Nearest.hint(typeText, among: words))
      return nil
    }
    return Event(
      at: at, type: type, contact: EmailAddress(contact)?.canonical ?? PhoneNumber(contact)?.e164 ?? contact,
      campaign: trimmed(row, "campaign"), step: trimmed(row, "step"), messageID: trimmed(row, "message_id"),
      detail: trimmed(row, "detail"))
  }

  private func trimmed(_ row: DataRow, _ name: String) -> String? {
    guard let text = row.values[name]?.trimmingCharacters(in: .whitespacesAndNewlines), !text.isEmpty else {
      return nil
    }
    return text
  }

  private func check(_ header: CSVHeader, _ known: [String], required: [String]) -> Bool {
    var isGood = true
    for name in required where header.index(name) == nil {
      findings.error(
        header.places.first ?? Place(""),
        "the column '\(name)' is missing; the columns are "
          + known.joined(separator: ","))
      isGood = false
    }
    for (i, name) in header.names.enumerated() where !known.contains(name) {
      findings.warning(header.places[i], "unknown column '\(name)'" + Nearest.hint(name, among: known))
    }
    return isGood
  }
}
