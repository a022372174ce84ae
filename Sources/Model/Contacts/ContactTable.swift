import Foundation
import Synchronization

/// All contacts of the project, by identity, in the order in which they first stand in the files.
///
/// Compact, since there may be millions: a contact is 32 bytes and its cells as they stand in the file. `subscript`
/// makes a `Contact` of one; `view` reads it where it lies.
public struct ContactTable: Sendable {
  /// The columns of all files together, in `snake_case`, in order of first appearance: `Contact.values` follows it.
  public let columns: [String]
  /// Paths relative to the project.
  public let files: [String]
  /// Rows that are no contact: skipped in every campaign that reads their file.
  public let rejected: [RejectedRow]
  private let columnIndex: [String: Int]
  private let store: ContactStore

  init(columns: [String], files: [String], rejected: [RejectedRow], store: ContactStore) {
    self.columns = columns
    self.files = files
    self.rejected = rejected
    self.store = store
    columnIndex = Dictionary(columns.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// For tables made of values. Contacts are taken as they are: nothing is merged or told apart.
  public init(columns: [String] = [], files: [String] = [], contacts: [Contact] = [], rejected: [RejectedRow] = []) {
    var builder = ContactTableBuilder(columns: columns, files: files)
    for contact in contacts { builder.append(asItIs: contact) }
    self = builder.table(rejected: rejected)
  }

  public var count: Int { store.count }
  public var isEmpty: Bool { count == 0 }
  /// The zones that contacts have; `ContactView.zone` is an index into it, from 1.
  public var zones: [Zone] { store.zones }
  /// The sets of files that contacts stand in; `ContactView.fileSet` is an index into it.
  public var fileSets: [Set<Int>] { store.fileSets }

  /// Every contact in order, each made when it is asked for.
  public var contacts: LazyMapCollection<Range<Int>, Contact> { (0..<count).lazy.map { self[$0] } }

  public func column(_ name: String) -> Int? { columnIndex[name] }

  public func view(_ index: Int) -> ContactView { store.view(index) }
  /// All contacts as they lie, for loops over millions: valid as long as the table.
  public var views: ContactViews { store.views }

  public func defect(_ index: Int) -> Contact.Defect? { store.defects[index] }

  /// Who gets the text messages in the contact's place; nil where its number is its own.
  public func takenNumber(_ index: Int) -> Contact.Defect? { store.takenNumbers[index] }

  /// What a contact has in place of an address or number of a channel: text that is none. Nil with a usable one, and
  /// without any.
  public func brokenAddress(_ index: Int, _ channel: Channel) -> String? {
    let view = view(index)
    guard view.address(channel).isEmpty, let column = columnIndex[channel == .email ? "email" : "phone"] else {
      return nil
    }
    let text = view.value(column)
    return text.isEmpty ? nil : text.text
  }

  /// The ids of its duplicates: what is known under them holds for it.
  public func otherNames(_ index: Int) -> [String] { store.otherNames[index] ?? [] }

  public func place(_ index: Int) -> Place { store.place(index, files: files) }

  public subscript(index: Int) -> Contact {
    let view = store.view(index)
    return Contact(
      key: view.key.text, email: view.hasEmail ? EmailAddress(view.envelope.text) : nil,
      phone: view.hasPhone ? PhoneNumber(view.phone.text) : nil, zone: view.zone > 0 ? zones[view.zone - 1] : nil,
      tags: Self.tags(view.tags), mailbox: view.mailbox.isEmpty ? nil : view.mailbox.text, addedAt: view.addedAt,
      emailEnabled: view.emailEnabled, smsEnabled: view.smsEnabled,
      values: columns.indices.map { view.value($0).text }, files: fileSets[view.fileSet], place: place(index),
      defect: defect(index))
  }

  /// The tags of a cell, which has `;` between them.
  public static func tags(_ cell: Cell) -> [String] {
    if cell.isEmpty { return [] }
    return cell.split(separator: 0x3B).map { String(decoding: $0, as: UTF8.self).trimmed }.filter { !$0.isEmpty }
  }

  /// By id, canonical address or E.164 number.
  public func index(of word: String) -> Int? {
    if let i = store.find(word) { return i }
    let composed = word.composed
    if !composed.utf8.elementsEqual(word.utf8), let i = store.find(composed) { return i }
    if let address = EmailAddress(word), address.canonical != word, let i = store.find(address.canonical) { return i }
    if let phone = PhoneNumber(word), phone.e164 != word, let i = store.find(phone.e164) { return i }
    return nil
  }

  public func find(_ word: String) -> Contact? { index(of: word).map { self[$0] } }

  /// A contact's value; nil where it has none, an empty cell being none.
  public func value(_ name: String, of contact: Contact) -> String? {
    guard let i = columnIndex[name], i < contact.values.count, !contact.values[i].isEmpty else { return nil }
    return contact.values[i]
  }
}

/// The memory behind a table.
///
/// Sendable although it holds pointers: the builder alone writes to what they point at, before it gives the store to
/// anyone; after that nothing changes, and it is freed when the last table that holds it goes. What is made later, the
/// index of numbers, is behind a lock.
final class ContactStore: @unchecked Sendable {
  let count: Int
  private let entries: ContactEntries
  private let layouts: UnsafeMutablePointer<ContactLayout>
  private let layoutCount: Int
  private let positions: UnsafeMutablePointer<Int16>
  private let width: Int
  /// Where the entries' records are.
  private let memory: [RecordMemory]
  let zones: [Zone]
  let fileSets: [Set<Int>]
  /// First file of each set: where a contact stands first.
  private let firstFiles: [Int]
  let defects: [Int: Contact.Defect]
  let takenNumbers: [Int: Contact.Defect]
  let otherNames: [Int: [String]]
  private let keys: HashIndex
  /// By canonical address, where keys are something else.
  private let addresses: HashIndex?
  private let phones = Mutex<HashIndex?>(nil)

  init(_ builder: consuming ContactTableBuilder) {
    count = builder.entries.count
    entries = builder.entries
    layoutCount = builder.layouts.count
    width = builder.columns.count
    layouts = .allocate(capacity: max(1, layoutCount))
    positions = .allocate(capacity: max(1, layoutCount * width))
    for (i, layout) in builder.layouts.enumerated() {
      (layouts + i).initialize(to: layout.layout)
      for column in 0..<width {
        (positions + (i * width + column)).initialize(
          to: column < layout.positions.count ? layout.positions[column] : -1)
      }
    }
    memory = [builder.memory] + builder.others
    zones = builder.zones
    fileSets = builder.fileSets.map(\.files)
    firstFiles = builder.fileSets.map(\.first)
    defects = builder.defects
    takenNumbers = builder.takenNumbers
    otherNames = builder.otherNames
    keys = builder.keys
    addresses = builder.addresses
  }

  deinit {
    layouts.deallocate()
    positions.deallocate()
  }

  func view(_ index: Int) -> ContactView { views[index] }

  var views: ContactViews {
    ContactViews(
      entries: entries.start, layouts: layouts, positions: positions, width: width, count: count)
  }

  func place(_ index: Int, files: [String]) -> Place {
    let entry = entries[index]
    let file = firstFiles[Int(entry.files)]
    return Place(file < files.count ? files[file] : "", line: Int(entry.line))
  }

  func find(_ word: String) -> Int? {
    var word = word
    return word.withUTF8 { bytes in
      let hash = ByteHash.of(bytes)
      if let i = keys.find(hash, { view($0).key.equals(bytes) }) { return i }
      if let i = addresses?.find(hash, { !view($0).hasDefect && view($0).email.equals(bytes) }) { return i }
      guard bytes.first == 0x2B else { return nil }
      return phoneIndex.find(hash) { view($0).phone.equals(bytes) }
    }
  }

  private var phoneIndex: HashIndex {
    phones.withLock { known in
      if let known { return known }
      var made = HashIndex()
      for i in 0..<count {
        let contact = view(i)
        guard contact.hasPhone, !contact.hasDefect else { continue }
        let hash = ByteHash.of(contact.phone)
        if made.find(hash, { view($0).phone.equals(contact.phone) }) == nil { made.insert(hash, i) }
      }
      known = made
      return made
    }
  }
}

extension String {
  /// In the one normal form (NFC) in which ids and addresses are kept: two spellings of `é` are one person.
  public var composed: String { utf8.allSatisfy { $0 < 0x80 } ? self : precomposedStringWithCanonicalMapping }

  fileprivate var trimmed: String {
    var scalars = Substring(self).unicodeScalars
    while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
    while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
    return String(scalars)
  }
}
