/// Rows, and the tables by which they are found: by send, and by person under each of its names.
extension History {
  func row(of id: SendID) -> Int? {
    guard let slot = byID.find(id.tableHash, { rows[Int($0)].id == id }) else { return nil }
    return Int(byID[slot])
  }

  /// Adds a send that is not known yet. Returns its row.
  mutating func insert(_ r: FlatRecord, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    let index = rows.count
    let (contact, to, key) = (bytes.text(r.contact), bytes.text(r.to), bytes.text(r.key))
    var flags: HistoryRow.Flags = r.channel == .sms ? [.sms] : []
    let spelled = Self.canonical(to) ?? Array(to)
    spelled.withUnsafeBufferPointer { canonical in
      let block = Self.identity(contact: contact, to: to, canonical: canonical, key: key, &flags)
      rows.append(
        HistoryRow(
          id: r.id, at: r.at, attemptAt: HistoryRow.never, identity: arena.put(block), detail: 0, nextByContact: 0,
          nextByTo: 0, campaign: UInt32(campaigns.number(bytes.text(r.campaign))),
          step: UInt32(steps.number(bytes.text(r.step))), mailbox: UInt32(mailboxes.number(bytes.text(r.mailbox))),
          attempts: 0, state: StateCode.pending, flags: flags))
      if byID.isFull { growByID(for: index + index / 2 + 64) }
      byID.insert(r.id.tableHash, UInt32(index))
      link(UInt32(index) * 2, contact)
      if flags.contains(.hasTwoNames) { link(UInt32(index) * 2 + 1, canonical) }
    }
    return index
  }

  /// The block of the texts that never change, and the flags that say how to read it.
  private static func identity(
    contact: UnsafeBufferPointer<UInt8>, to: UnsafeBufferPointer<UInt8>, canonical: UnsafeBufferPointer<UInt8>,
    key: UnsafeBufferPointer<UInt8>, _ flags: inout HistoryRow.Flags
  ) -> [UInt8] {
    var block: [UInt8] = []
    block.reserveCapacity(contact.count + 32)
    block.put(text: contact)
    if to.isSame(as: contact) { flags.insert(.toIsContact) } else { block.put(text: to) }
    if !canonical.isSame(as: contact) {
      flags.insert(.hasTwoNames)
      if !canonical.isSame(as: to) {
        flags.insert(.hasCanonical)
        block.put(text: canonical)
      }
    }
    if key.count > 0 {
      flags.insert(.hasKey)
      block.put(text: key)
    }
    return block
  }

  static func identity(
    contact: [UInt8], to: [UInt8], canonical: [UInt8], key: [UInt8], _ flags: inout HistoryRow.Flags
  ) -> [UInt8] {
    contact.withUnsafeBufferPointer { contact in
      to.withUnsafeBufferPointer { to in
        canonical.withUnsafeBufferPointer { canonical in
          key.withUnsafeBufferPointer { key in
            identity(contact: contact, to: to, canonical: canonical, key: key, &flags)
          }
        }
      }
    }
  }

  /// Puts a node at the end of a person's ring.
  mutating func link(_ node: UInt32, _ person: UnsafeBufferPointer<UInt8>) {
    let hash = ByteHash.of(person)
    if let slot = view.findPerson(hash, person) {
      let tail = byPerson[slot]
      self[next: node] = self[next: tail]
      self[next: tail] = node
      byPerson[slot] = node
    } else {
      if byPerson.isFull { growByPerson(for: byPerson.count + byPerson.count / 2 + 64) }
      self[next: node] = node
      byPerson.insert(hash, node)
      persons.insert(hash)
    }
  }

  subscript(next node: UInt32) -> UInt32 {
    @inline(__always) get { node & 1 == 0 ? rows[Int(node >> 1)].nextByContact : rows[Int(node >> 1)].nextByTo }
    set {
      if node & 1 == 0 {
        rows[Int(node >> 1)].nextByContact = newValue
      } else {
        rows[Int(node >> 1)].nextByTo = newValue
      }
    }
  }

  @inline(__always)
  private static func person(
    _ node: UInt32, _ row: HistoryRow, _ bytes: UnsafeBufferPointer<UInt8>
  ) -> UnsafeBufferPointer<UInt8> {
    let texts = SendTexts(row, bytes)
    return node & 1 == 0 ? texts.contact : texts.canonical
  }

  mutating func growByID(for wanted: Int) {
    byID.grow(for: wanted) { rows[Int($0)].id.tableHash }
  }

  mutating func growByPerson(for wanted: Int) {
    var filter = HashFilter(capacity: max(16, wanted))
    arena.bytes.withUnsafeBufferPointer { bytes in
      byPerson.grow(for: wanted) { node in
        let hash = ByteHash.of(Self.person(node, rows[Int(node >> 1)], bytes))
        filter.insert(hash)
        return hash
      }
    }
    persons = filter
  }

  /// Makes the tables anew where they are nearly full or mostly empty, so that who reads them back can add some sends
  /// and holds no more than it takes.
  package mutating func fitTables() {
    func isFit(_ table: HistoryTable) -> Bool {
      (table.count * 20...max(64, table.count * 40)).contains(table.slots.count * 13) || table.slots.count < 64
    }
    if !isFit(byID) { growByID(for: byID.count) }
    if !isFit(byPerson) { growByPerson(for: byPerson.count) }
  }
}
