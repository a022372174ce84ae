import Foundation
import Model

/// Files of message rows into one campaign's table.
struct MessageLoader {
  let audience: AudienceKeys.Given
  let zone: Zone
  let findings: Findings
  /// Their column names to ours.
  private let renames: [String: String]
  private let keyColumns: [String]
  private var seen: Set<String> = []
  private var table = MessageTable()

  init(_ audience: AudienceKeys.Given, zone: Zone, _ findings: Findings) {
    self.audience = audience
    self.zone = zone
    self.findings = findings
    table.freshWithin = audience.freshWithin
    renames = Dictionary(
      audience.columns.map { (CSVHeader.normalise($0.key), CSVHeader.normalise($0.value)) },
      uniquingKeysWith: { first, _ in first })
    let names = renames
    keyColumns = audience.key.map { CSVHeader.normalise($0) }.map { names[$0] ?? $0 }.sorted()
    table.keyColumns = keyColumns
  }

  static func read(
    _ audience: AudienceKeys.Given, paths: [String], _ files: ProjectFiles, zone: Zone, _ findings: Findings
  )
    -> MessageTable
  {
    var loader = MessageLoader(audience, zone: zone, findings)
    for path in paths {
      let batch = (((path as NSString).lastPathComponent) as NSString).deletingPathExtension
      // Taken before reading: of a file that is replaced meanwhile, rows look older, and never fresher, than they are.
      let writtenAt = audience.freshWithin == nil ? nil : files.writtenAt(path)
      RowFile.read(path, .messages, files, findings) { header in
        loader.see(header.names)
        return loader.checkRenames(header)
      } row: { row in
        loader.see(row.values.keys)
        loader.add(row, batch: batch, writtenAt: writtenAt)
      } bad: { place, detail in
        loader.reject(place, detail)
      }
    }
    if !paths.isEmpty { loader.checkColumns() }
    return loader.table
  }

  private mutating func see(_ names: some Sequence<String>) {
    seen.formUnion(names)
    for name in names { if let ours = renames[name] { seen.insert(ours) } }
  }

  private func checkRenames(_ header: CSVHeader) -> Bool {
    let ours = header.names.map { renames[$0] ?? $0 }
    for (i, name) in ours.enumerated() where ours.firstIndex(of: name) != i {
      findings.error(header.places[i], "'columns' gives this file two columns named '\(name)'")
      return false
    }
    return true
  }

  /// A key or a renamed column that no file has would quietly make every row the same.
  private func checkColumns() {
    for (theirs, _) in audience.columns.sorted(by: { $0.key < $1.key })
    where !seen.contains(CSVHeader.normalise(theirs)) {
      findings.error(
        audience.places["columns"] ?? audience.place,
        "no file has a column '\(theirs)'" + Nearest.hint(theirs, among: seen.sorted()))
    }
    for name in keyColumns where !seen.contains(name) {
      findings.error(
        audience.places["key"] ?? audience.place,
        "no file has a column '\(name)'" + Nearest.hint(name, among: seen.sorted()))
    }
  }

  /// - Parameter key: what makes the row one of a kind, where that can be read.
  private mutating func reject(_ place: Place, _ detail: String, _ key: [String]? = nil) {
    table.rejected.append(
      RejectedRow(place: place, reason: .invalidRow, detail: detail, key: key.map(MessageRow.key)))
  }

  private mutating func add(_ raw: DataRow, batch: String, writtenAt: Instant?) {
    var values: [String: String] = [:]
    for (name, value) in raw.values {
      let ours = renames[name] ?? name
      guard values.updateValue(value, forKey: ours) == nil else {
        return reject(raw.place, "the row has two values for '\(ours)'")
      }
    }
    for name in keyColumns where values[name] == nil {
      return reject(raw.place, "the row has no value for its key column '\(name)'")
    }
    let keyParts = keyParts(values)
    var sendAt: Instant?
    if let text = values["send_at"] {
      sendAt = Instant(text.trimmingCharacters(in: .whitespaces), zone: zone)
      guard sendAt != nil else {
        return reject(
          raw.place("send_at"), "send_at: '\(text.prefix(40))' is no time, such as 2026-11-20T09:00:00+01:00", keyParts)
      }
    }
    var row = MessageRow(
      contact: trimmed(values["contact"]), name: trimmed(values["name"]), from: trimmed(values["from"]),
      sendAt: sendAt, subject: values["subject"], text: values["text"], html: values["html"], values: values,
      key: "", batch: batch, place: raw.place, writtenAt: writtenAt)
    if let destinations = raw.destinations {
      return spread(row, over: destinations, keyParts)
    }
    let (email, phone) = (trimmed(values["email"]), trimmed(values["phone"]))
    guard row.contact != nil || email != nil || phone != nil else {
      return reject(raw.place, "the row names no contact, no email and no phone", keyParts)
    }
    address(&row, email, phone)
    row.key = MessageRow.key(keyParts)
    table.rows.append(row)
  }

  private func trimmed(_ text: String?) -> String? {
    guard let text = text?.trimmingCharacters(in: .whitespacesAndNewlines), !text.isEmpty else { return nil }
    return text
  }

  private func address(_ row: inout MessageRow, _ email: String?, _ phone: String?) {
    row.email = email.flatMap { EmailAddress($0) }
    row.phone = phone.flatMap { PhoneNumber($0) }
    if row.contact == nil, row.email == nil, row.phone == nil {
      row.defect = Contact.Defect(.invalidAddress, "'\((email ?? phone ?? "").prefix(100))' is no address")
    }
    if row.email == nil { row.broken[.email] = email }
    if row.phone == nil { row.broken[.sms] = phone }
  }

  /// One row for each of `destinations: [{email, name}]`.
  private mutating func spread(_ row: MessageRow, over destinations: [JSON], _ keyParts: [String]) {
    guard !destinations.isEmpty else { return reject(row.place, "'destinations' is empty") }
    for (i, destination) in destinations.enumerated() {
      guard let members = destination.object, let email = destination["email"]?.string,
        members.allSatisfy({ $0.value.string != nil || $0.value == .null })
      else {
        reject(row.place, "destination \(i + 1) must be {email, name}")
        continue
      }
      if let stray = members.first(where: { !["email", "name"].contains($0.key) }) {
        reject(row.place, "destination \(i + 1) has an unknown key '\(stray.key)'; it must be {email, name}")
        continue
      }
      var one = row
      one.values["email"] = email
      if let name = trimmed(destination["name"]?.string) {
        one.name = name
        one.values["name"] = name
      }
      one.contact = nil
      one.values["contact"] = nil
      address(&one, trimmed(email), nil)
      one.key = MessageRow.key(keyParts + ["destination", one.email?.canonical ?? email])
      table.rows.append(one)
    }
  }

  /// The key columns' values, or all of the row but `send_at`, each name before its value.
  private func keyParts(_ values: [String: String]) -> [String] {
    let names = keyColumns.isEmpty ? values.keys.filter { $0 != "send_at" }.sorted() : keyColumns
    return names.flatMap { [$0, values[$0] ?? ""] }
  }
}

extension ProjectFiles {
  /// When a file was last written, to the millisecond; nil if there is none.
  fileprivate func writtenAt(_ path: String) -> Instant? {
    var info = stat()
    guard stat(absolute(path), &info) == 0 else { return nil }
    let time = info.st_mtim
    return Instant(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }
}
