import Foundation
import Model

/// Contacts files into one table: rows of the same identity merge, the same address under two ids is told apart.
final class ContactLoader {
  static let known = [
    "email", "phone", "id", "timezone", "tags", "mailbox", "added_at", "email_enabled", "sms_enabled", "first_name",
    "last_name", "company",
  ]
  /// Warnings of one kind for one file; more of them would hide the rest.
  private static let warningLimit = 20

  private let files: ProjectFiles
  private let findings: Findings
  private let projectZone: Zone

  private var columns: [String] = []
  private var columnIndex: [String: Int] = [:]
  private var paths: [String] = []
  private var contacts: [Contact] = []
  /// What an opt-out is made of beside the contact's own flags: merged over all rows, any `no` wins.
  private var flags: [Flags] = []
  private var byKey: [String: Int] = [:]
  private var rejected: [RejectedRow] = []
  private var zones: [String: Zone] = [:]
  private var warnings = 0

  private struct Flags {
    var emailOff = false
    var smsOff = false
    /// The text of an address that is none, for the defect.
    var badAddress: String?
  }

  /// Where a file's columns are; -1 for those it lacks.
  private struct Columns {
    var email, phone, id, timezone, tags, mailbox, addedAt, emailEnabled, smsEnabled: Int
    /// The table's column of each of the file's.
    var table: [Int]

    init(_ header: CSVHeader, table: [Int]) {
      func at(_ name: String) -> Int { header.index(name) ?? -1 }
      email = at("email")
      phone = at("phone")
      id = at("id")
      timezone = at("timezone")
      tags = at("tags")
      mailbox = at("mailbox")
      addedAt = at("added_at")
      emailEnabled = at("email_enabled")
      smsEnabled = at("sms_enabled")
      self.table = table
    }
  }

  init(_ files: ProjectFiles, zone: Zone, _ findings: Findings) {
    self.files = files
    self.findings = findings
    projectZone = zone
  }

  func read(_ path: String) {
    let file = paths.count
    paths.append(path)
    warnings = 0
    var columns: Columns?
    CSVFile.read(path, .contacts, files, findings) { header in
      guard ["email", "phone", "id"].contains(where: { header.index($0) != nil }) else {
        self.findings.error(
          header.places.first ?? Place(path),
          "a contacts file needs a column 'email', 'phone' or 'id'; this one has "
            + header.names.prefix(8).joined(separator: ", "))
        return false
      }
      columns = Columns(header, table: self.tableColumns(header.names))
      return true
    } row: { reader, _ in
      if let columns { self.row(reader, columns, file) }
    }
  }

  private func tableColumns(_ names: [String]) -> [Int] {
    names.map { name in
      if let i = columnIndex[name] { return i }
      columnIndex[name] = columns.count
      columns.append(name)
      return columns.count - 1
    }
  }

  private func reject(_ place: Place, _ detail: String) {
    rejected.append(RejectedRow(place: place, reason: .invalidRow, detail: detail))
  }

  private func row(_ reader: borrowing CSVReader, _ columns: Columns, _ file: Int) {
    if let (defect, field) = reader.defect {
      return reject(reader.place(field), defect.message)
    }
    let place = Place(reader.place(0).file, line: reader.line)
    var values = [String](repeating: "", count: self.columns.count)
    for i in 0..<reader.count where !reader.isEmpty(i) { values[columns.table[i]] = Self.trim(reader.text(i)) }
    func cell(_ i: Int) -> String { i < 0 ? "" : values[columns.table[i]] }

    var contact = Contact(key: cell(columns.id), files: [file], place: place)
    var flags = Flags()
    let (address, number) = (cell(columns.email), cell(columns.phone))
    contact.email = address.isEmpty ? nil : EmailAddress(address)
    contact.phone = number.isEmpty ? nil : PhoneNumber(number)
    if contact.email == nil, contact.phone == nil, !address.isEmpty || !number.isEmpty {
      flags.badAddress = address.isEmpty ? number : address
    }
    if contact.key.isEmpty { contact.key = contact.email?.canonical ?? contact.phone?.e164 ?? flags.badAddress ?? "" }
    guard !contact.key.isEmpty else { return reject(place, "the row has no address, no phone number and no id") }
    let zone = cell(columns.timezone)
    if !zone.isEmpty {
      contact.zone = self.zone(zone)
      guard contact.zone != nil else {
        return reject(reader.place(columns.timezone), "'\(zone)' is no IANA time zone, such as Europe/Berlin")
      }
    }
    let added = cell(columns.addedAt)
    if !added.isEmpty {
      contact.addedAt = Instant(added, zone: projectZone)
      guard contact.addedAt != nil else {
        return reject(reader.place(columns.addedAt), "'\(added)' is no date or time, such as 2026-11-20")
      }
    }
    let tags = cell(columns.tags)
    if !tags.isEmpty {
      contact.tags = tags.split(separator: ";").map { Self.trim(String($0)) }.filter { !$0.isEmpty }
    }
    let mailbox = cell(columns.mailbox)
    if !mailbox.isEmpty { contact.mailbox = mailbox }
    if let allowed = flag(cell(columns.emailEnabled), "email_enabled", columns.emailEnabled, reader) {
      flags.emailOff = !allowed
      contact.emailEnabled = allowed
    }
    if let allowed = flag(cell(columns.smsEnabled), "sms_enabled", columns.smsEnabled, reader) {
      flags.smsOff = !allowed
      contact.smsEnabled = allowed
    }
    contact.values = values
    add(contact, flags)
  }

  /// Nil for an empty cell. What cannot be understood counts as an opt-out: mail too little rather than too much.
  private func flag(_ text: String, _ name: String, _ column: Int, _ reader: borrowing CSVReader) -> Bool? {
    switch text.lowercased() {
    case "": return nil
    case "true", "yes", "1": return true
    case "false", "no", "0": return false
    default:
      warnings += 1
      if warnings <= Self.warningLimit {
        findings.warning(
          reader.place(column), "'\(name)' must be yes or no, not '\(text.prefix(40))'; it is taken for no")
      }
      return false
    }
  }

  private func zone(_ text: String) -> Zone? {
    if let zone = zones[text] { return zone }
    guard let zone = Zone(text) else { return nil }
    zones[text] = zone
    return zone
  }

  private func add(_ contact: Contact, _ flags: Flags) {
    guard let i = byKey[contact.key] else {
      byKey[contact.key] = contacts.count
      contacts.append(contact)
      self.flags.append(flags)
      return
    }
    merge(contact, flags, into: i)
  }

  /// The first non-empty value wins, any opt-out wins over all (DESIGN §2).
  private func merge(_ new: Contact, _ more: Flags, into i: Int) {
    contacts[i].files.formUnion(new.files)
    while contacts[i].values.count < columns.count { contacts[i].values.append("") }
    let (hadEmail, hadPhone) = (contacts[i].email != nil, contacts[i].phone != nil)
    for (column, value) in new.values.enumerated() where !value.isEmpty {
      let isMended =
        (columns[column] == "email" && !hadEmail && new.email != nil)
        || (columns[column] == "phone" && !hadPhone && new.phone != nil)
      if contacts[i].values[column].isEmpty || isMended { contacts[i].values[column] = value }
    }
    contacts[i].email = contacts[i].email ?? new.email
    contacts[i].phone = contacts[i].phone ?? new.phone
    contacts[i].zone = contacts[i].zone ?? new.zone
    if contacts[i].tags.isEmpty { contacts[i].tags = new.tags }
    contacts[i].mailbox = contacts[i].mailbox ?? new.mailbox
    contacts[i].addedAt = contacts[i].addedAt ?? new.addedAt
    flags[i].emailOff = flags[i].emailOff || more.emailOff
    flags[i].smsOff = flags[i].smsOff || more.smsOff
    flags[i].badAddress = flags[i].badAddress ?? more.badAddress
    contacts[i].emailEnabled = !flags[i].emailOff
    contacts[i].smsEnabled = !flags[i].smsOff && (contacts[i].smsEnabled || new.smsEnabled)
    for (name, isOff) in [("email_enabled", flags[i].emailOff), ("sms_enabled", flags[i].smsOff)] where isOff {
      if let column = columnIndex[name] { contacts[i].values[column] = "no" }
    }
  }

  private static func trim(_ text: String) -> String {
    guard let first = text.utf8.first, let last = text.utf8.last, first <= 0x20 || last <= 0x20 || first >= 0xC2
    else { return text }
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The table of all that was read.
  func table() -> ContactTable {
    var kept: [Contact] = []
    kept.reserveCapacity(contacts.count)
    var byAddress: [String: Int] = [:]
    for (i, one) in contacts.enumerated() {
      var contact = one
      while contact.values.count < columns.count { contact.values.append("") }
      if contact.email == nil, contact.phone == nil {
        guard let text = flags[i].badAddress else {
          rejected.append(
            RejectedRow(
              place: contact.place, reason: .invalidRow, detail: "'\(contact.key)' has no address and no phone number"))
          continue
        }
        contact.defect = Contact.Defect(.invalidAddress, "'\(text.prefix(100))' is no address")
      }
      if let address = contact.email?.canonical {
        if let first = byAddress[address] {
          contact.defect = Contact.Defect(
            .duplicate,
            "\(address) (\(contact.place)) stands as '\(kept[first].key)' already (\(kept[first].place))")
          // Whoever opted out under one id would not understand mail under another.
          if flags[i].emailOff { kept[first].emailEnabled = false }
        } else {
          byAddress[address] = kept.count
        }
      }
      kept.append(contact)
    }
    return ContactTable(columns: columns, files: paths, contacts: kept, rejected: rejected)
  }
}
