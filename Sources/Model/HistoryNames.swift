/// What was kept of pruned days has tokens in place of names (`NameKey`). Before anything is asked of such a history, the
/// names that will be asked for are put back in their places: from then on it says of these people what it would have
/// said without any pruning, and of everybody else nothing, since nobody asks.
///
///     kept line ──fold──▶ row with tokens ──resolve, or a record of the same send with names──▶ row like any other
extension History {
  /// Whether days were pruned, so that some of its people may be known by tokens alone.
  public var hasTokens: Bool { nameKey != nil }

  /// Names that stand in the history as tokens, with these, in their order; a look that changes nothing, for several
  /// threads at once.
  package func known(_ names: ArraySlice<[UInt8]>) -> [(name: [UInt8], token: [UInt8])] {
    guard let nameKey else { return [] }
    let refused = tokensOfBounces
    return names.compactMap { name in
      let token = nameKey.token(name)
      let isKnown =
        persons.contains(token.withUnsafeBufferPointer { ByteHash.of($0) }) || refused.contains(token)
      return isKnown ? (name, token) : nil
    }
  }

  /// Puts names in the places of their tokens.
  package mutating func resolve(_ names: [(name: [UInt8], token: [UInt8])]) {
    if names.isEmpty { return }
    var places: [[UInt8]: [Int]] = [:]
    for (i, bounce) in bounceRows.enumerated() {
      let address = address(of: bounce)
      if address.withUnsafeBufferPointer({ NameKey.isToken($0) }) { places[address, default: []].append(i) }
    }
    var spent: [SendID: [Int]] = [:]
    for (i, row) in spentRows.enumerated() { spent[row.id, default: []].append(i) }
    for (name, token) in names {
      var rows: [Int] = []
      token.withUnsafeBufferPointer { token in
        view.forEachRow(ByteHash.of(token), token) { rows.append($0) }
      }
      for row in rows { put(name, for: token, in: row, spent) }
      for place in places.removeValue(forKey: token) ?? [] {
        bounceRows[place].block = block(of: bounceRows[place], name)
      }
    }
  }

  private var tokensOfBounces: Set<[UInt8]> {
    var tokens: Set<[UInt8]> = []
    for bounce in bounceRows {
      let address = address(of: bounce)
      if address.withUnsafeBufferPointer({ NameKey.isToken($0) }) { tokens.insert(address) }
    }
    return tokens
  }

  private func address(of bounce: Bounce) -> [UInt8] {
    arena.bytes.withUnsafeBufferPointer { bytes in
      var reader = BlockReader(bytes, block: bounce.block)
      return Array(reader.text())
    }
  }

  private mutating func block(of bounce: Bounce, _ address: [UInt8]) -> UInt32 {
    var block: [UInt8] = []
    address.withUnsafeBufferPointer { block.put(text: $0) }
    arena.bytes.withUnsafeBufferPointer { bytes in
      var reader = BlockReader(bytes, block: bounce.block)
      _ = reader.text()
      block.put(text: reader.text())
    }
    return arena.put(block)
  }

  /// Whether two addresses are one, either of which may be a token.
  func isSame(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let nameKey, NameKey.isToken(a) != NameKey.isToken(b) else { return a.isSame(as: b) }
    let (token, name) = NameKey.isToken(a) ? (a, b) : (b, a)
    return nameKey.token(name).elementsEqual(token)
  }

  // MARK: A row's names

  private struct Names {
    var contact: [UInt8]
    var to: [UInt8]
    var canonical: [UInt8]
    var key: [UInt8]
  }

  private func names(_ row: Int) -> Names {
    arena.bytes.withUnsafeBufferPointer { bytes in
      let texts = SendTexts(rows[row], bytes)
      return Names(
        contact: Array(texts.contact), to: Array(texts.to), canonical: Array(texts.canonical), key: Array(texts.key))
    }
  }

  private mutating func put(_ name: [UInt8], for token: [UInt8], in row: Int, _ spent: [SendID: [Int]]) {
    var names = names(row)
    if names.contact == token { names.contact = name }
    if names.canonical == token { names.to = name }
    rename(row, names, spent)
  }

  /// A record that names its send in full came after what was kept of it.
  mutating func putNames(of r: FlatRecord, _ bytes: UnsafeBufferPointer<UInt8>, in row: Int) {
    guard let nameKey else { return }
    var names = names(row)
    let (contact, to) = (Array(bytes.text(r.contact)), Array(bytes.text(r.to)))
    if nameKey.token(contact) == names.contact { names.contact = contact }
    // The first record's address is the one that stays, as ever.
    let canonical = bytes.canonical(r.to) ?? to
    if nameKey.token(canonical) == names.canonical { names.to = to }
    let id = rows[row].id
    rename(row, names, spentRows.isEmpty ? [:] : [id: spentRows.indices.filter { spentRows[$0].id == id }])
  }

  /// Takes a row out of the rings of its old names, and puts it into those of its new ones where it would have been.
  private mutating func rename(_ row: Int, _ names: Names, _ spent: [SendID: [Int]]) {
    let old = self.names(row)
    unlink(UInt32(row) * 2, old.contact)
    if rows[row].flags.contains(.hasTwoNames) { unlink(UInt32(row) * 2 + 1, old.canonical) }
    let canonical = names.to.withUnsafeBufferPointer { Self.canonical($0) } ?? names.to
    var flags = rows[row].flags.subtracting([.toIsContact, .hasCanonical, .hasTwoNames, .hasTokens])
    let block = Self.identity(contact: names.contact, to: names.to, canonical: canonical, key: names.key, &flags)
    if [names.contact, canonical].contains(where: { $0.withUnsafeBufferPointer { NameKey.isToken($0) } }) {
      flags.insert(.hasTokens)
    }
    // The old block stays: spent attempts may share it.
    rows[row].identity = arena.put(block)
    rows[row].flags = flags
    for i in spent[rows[row].id] ?? [] {
      spentRows[i].identity = rows[row].identity
      spentRows[i].flags = flags.symmetricDifference(
        flags.symmetricDifference(spentRows[i].flags).intersection(.hasExpiry))
    }
    insert(UInt32(row) * 2, names.contact)
    if flags.contains(.hasTwoNames) { insert(UInt32(row) * 2 + 1, canonical) }
  }

  private mutating func unlink(_ node: UInt32, _ person: [UInt8]) {
    let slot = person.withUnsafeBufferPointer { view.findPerson(ByteHash.of($0), $0) }
    guard let slot else { return }
    let tail = byPerson[slot]
    var before = tail
    while self[next: before] != node {
      before = self[next: before]
      if before == tail { return }
    }
    if before == node {
      let view = view
      byPerson.remove(slot) { view.personHash($0) }
      return
    }
    self[next: before] = self[next: node]
    if tail == node { byPerson[slot] = before }
  }

  /// Rings are in the order of their rows.
  private mutating func insert(_ node: UInt32, _ person: [UInt8]) {
    person.withUnsafeBufferPointer { person in
      guard let slot = view.findPerson(ByteHash.of(person), person), byPerson[slot] >> 1 > node >> 1 else {
        return link(node, person)
      }
      var before = byPerson[slot]
      while self[next: before] >> 1 < node >> 1 { before = self[next: before] }
      self[next: node] = self[next: before]
      self[next: before] = node
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  fileprivate func canonical(_ to: FlatRecord.Text) -> [UInt8]? { History.canonical(text(to)) }
}
