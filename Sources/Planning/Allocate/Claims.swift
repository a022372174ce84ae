import Model

/// What due sends share on the contacts' side: the caps of contacts and domains, where more is due than they allow.
/// Whoever is under no such cap is free: their sends need nothing but room in a mailbox.
struct Claims {
  /// Contacts that are alike: so many sends left each, and due sends of the same classes.
  struct Alike {
    /// Index into `domains`, for those whose sends lie under its cap; nil otherwise.
    var domain: Int?
    var left: Int
    /// Classes, ascending, each with how many sends of it one contact has.
    var wants: [(classNumber: Int, count: Int)]
    /// For each contact, its sends by class as in `wants`, by tie.
    var members: [[[UInt32]]] = []
  }

  /// Sends of one class that share a parent: the domain, or nothing.
  struct Bundle {
    var classNumber: Int
    var domain: Int?
    var members: [UInt32]
  }

  private(set) var bundles: [Bundle] = []
  private(set) var alike: [Alike] = []
  /// What the domains whose cap binds have left.
  private(set) var domains: [Int] = []
  /// Sends by class whose contacts have nothing left.
  private(set) var refused: [Int: [UInt32]] = [:]

  /// - Parameter isOpen: by way, whether any mailbox has open time for it. Sends that have none claim nothing.
  init(_ due: DueSteps, _ ranked: RankedSends, isOpen: [Bool], _ usage: inout Usage, _ day: PlanningDay) {
    let settings = day.project.settings
    let isCapped = settings.contactCapPerDay != nil || settings.contactCapPerWeek != nil || settings.domainCap != nil
    let claims = ranked.classes.map { item in
      isOpen[item.way]
        && day.campaigns[ranked.campaign(ofWay: item.way)].campaign.messageClass == .bulk
    }
    guard isCapped, claims.contains(true) else {
      bundles = ranked.classes.enumerated().map { Bundle(classNumber: $0, domain: nil, members: $1.members) }
      return
    }
    let persons = Persons(due, &usage)
    let left = Left(usage, settings)
    var count = [UInt32](repeating: 0, count: persons.count)
    var doesBind = settings.domainCap != nil
    let isClaim = ranked.classOfKind.map { claims[$0] }
    for send in due.sends where isClaim[Int(send.kind)] {
      let person = persons.number(of: send)
      if count[person] < .max { count[person] += 1 }
      if Int(count[person]) > left.of(person) { doesBind = true }
    }
    guard doesBind else {
      bundles = ranked.classes.enumerated().map { Bundle(classNumber: $0, domain: nil, members: $1.members) }
      return
    }
    let domainOf = domainsInNeed(due, ranked, claims, persons, count, left, usage, day)
    // By contact and class, for those who want more than they have left.
    var wanting: [Int: [(classNumber: Int, send: UInt32)]] = [:]
    for (c, item) in ranked.classes.enumerated() {
      guard claims[c] else {
        bundles.append(Bundle(classNumber: c, domain: nil, members: item.members))
        continue
      }
      let isEmail = ranked.isEmail(c)
      var free: [UInt32] = []
      var byDomain: [Int: [UInt32]] = [:]
      for send in item.members {
        let person = persons.number(of: due.sends[Int(send)])
        let own = left.of(person)
        if own == 0 {
          refused[c, default: []].append(send)
        } else if Int(count[person]) > own {
          wanting[person, default: []].append((c, send))
        } else if isEmail, let domain = domainOf(due.sends[Int(send)]) {
          byDomain[domain, default: []].append(send)
        } else {
          free.append(send)
        }
      }
      if !free.isEmpty { bundles.append(Bundle(classNumber: c, domain: nil, members: free)) }
      for (domain, members) in byDomain.sorted(by: { $0.key < $1.key }) {
        bundles.append(Bundle(classNumber: c, domain: domain, members: members))
      }
    }
    group(wanting, due, ranked, left, domainOf)
  }

  /// Contacts who want more than they have left, those alike together.
  private mutating func group(
    _ wanting: [Int: [(classNumber: Int, send: UInt32)]], _ due: DueSteps, _ ranked: RankedSends, _ left: Left,
    _ domainOf: (DueSend) -> Int?
  ) {
    struct Key: Hashable {
      var domain: Int?
      var left: Int
      var classes: [Int]
    }
    var index: [Key: Int] = [:]
    var extra: [Key: [UInt32]] = [:]
    // In the order of their best send, so that neither files nor hashing decide.
    let order = wanting.keys.sorted { a, b in
      let (x, y) = (wanting[a]?.first, wanting[b]?.first)
      return (x?.classNumber ?? 0, due.sends[Int(x?.send ?? 0)].id) < (
        y?.classNumber ?? 0, due.sends[Int(y?.send ?? 0)].id
      )
    }
    for person in order {
      let wants = wanting[person] ?? []
      let own = left.of(person)
      let domains = Set(
        wants.map { want in
          ranked.isEmail(want.classNumber) ? domainOf(due.sends[Int(want.send)]) : nil
        })
      guard domains.count == 1, let domain = domains.first else {
        // E-mails under a domain's cap and text messages beside it: the two caps cross, which no flow can have. The
        // contact gets the best of what it may have by rank, and nothing in exchange for it.
        for (i, want) in wants.enumerated() {
          guard i < own else {
            refused[want.classNumber, default: []].append(want.send)
            continue
          }
          let domain = ranked.isEmail(want.classNumber) ? domainOf(due.sends[Int(want.send)]) : nil
          extra[Key(domain: domain, left: 0, classes: [want.classNumber]), default: []].append(want.send)
        }
        continue
      }
      let key = Key(domain: domain, left: own, classes: wants.map(\.classNumber))
      if index[key] == nil {
        index[key] = alike.count
        var counted: [(classNumber: Int, count: Int)] = []
        for c in key.classes {
          if counted.last?.classNumber == c { counted[counted.count - 1].count += 1 } else { counted.append((c, 1)) }
        }
        alike.append(Alike(domain: domain, left: own, wants: counted))
      }
      let a = index[key] ?? 0
      alike[a].members.append(
        alike[a].wants.map { want in wants.filter { $0.classNumber == want.classNumber }.map(\.send) })
    }
    let keys = extra.keys.sorted { ($0.classes[0], $0.domain ?? -1) < ($1.classes[0], $1.domain ?? -1) }
    for key in keys {
      bundles.append(Bundle(classNumber: key.classes[0], domain: key.domain, members: extra[key] ?? []))
    }
  }

  /// Finds the domains to which more is due than their cap leaves.
  private mutating func domainsInNeed(
    _ due: DueSteps, _ ranked: RankedSends, _ claims: [Bool], _ persons: Persons, _ count: [UInt32], _ left: Left,
    _ usage: Usage, _ day: PlanningDay
  ) -> (DueSend) -> Int? {
    guard let cap = day.project.settings.domainCap else { return { _ in nil } }
    var table = DomainTable(day.project.contacts, due)
    var wanted: [Int] = []
    var seen = [UInt32](repeating: 0, count: count.count)
    for (c, item) in ranked.classes.enumerated() where claims[c] && ranked.isEmail(c) {
      for send in item.members {
        let person = persons.number(of: due.sends[Int(send)])
        guard Int(seen[person]) < left.of(person) else { continue }
        if seen[person] < .max { seen[person] += 1 }
        let domain = table.add(due.sends[Int(send)])
        if domain == wanted.count { wanted.append(0) }
        wanted[domain] += 1
      }
    }
    var number: [Int: Int] = [:]
    for (domain, n) in wanted.enumerated() {
      let name = table.name(domain)
      if cap.except.contains(name) { continue }
      let left = max(0, cap.perDay - usage.used(domain: name))
      guard n > left else { continue }
      number[domain] = domains.count
      domains.append(left)
    }
    return { [table, number] send in table.find(send).flatMap { number[$0] } }
  }

  /// Who a send goes to, by the numbers that caps count by.
  private struct Persons {
    private let due: DueSteps
    private let ofRow: [Int]
    let count: Int

    init(_ due: DueSteps, _ usage: inout Usage) {
      self.due = due
      var numbers: [Int] = []
      for row in due.rows { numbers.append(row.contact ?? usage.people.number(of: row.contactKey, row.canonical)) }
      ofRow = numbers
      count = usage.people.count
    }

    func number(of send: DueSend) -> Int {
      due.kinds[Int(send.kind)].isRow ? ofRow[Int(send.person)] : Int(send.person)
    }
  }

  /// What each person has left on the day.
  private struct Left {
    private let usage: Usage
    private let settings: Settings
    private let whole: Int

    init(_ usage: Usage, _ settings: Settings) {
      self.usage = usage
      self.settings = settings
      whole = min(settings.contactCapPerDay ?? .max, settings.contactCapPerWeek ?? .max)
    }

    func of(_ person: Int) -> Int { usage.hasUsed(person: person) ? usage.left(person: person, settings) : whole }
  }
}

/// The domains that due e-mails go to, by number.
private struct DomainTable {
  private let contacts: ContactTable
  private let due: DueSteps
  private var index = HashIndex()
  private var names: [String] = []

  init(_ contacts: ContactTable, _ due: DueSteps) {
    self.contacts = contacts
    self.due = due
  }

  func name(_ domain: Int) -> String { names[domain] }

  mutating func add(_ send: DueSend) -> Int {
    if let known = find(send) { return known }
    let name = withDomain(send) { $0.text }
    index.insert(ByteHash.of(name), names.count)
    names.append(name)
    return names.count - 1
  }

  func find(_ send: DueSend) -> Int? {
    withDomain(send) { domain in
      index.find(ByteHash.of(domain)) { number in
        var name = names[number]
        return name.withUTF8 { $0.equals(domain) }
      }
    }
  }

  private func withDomain<R>(_ send: DueSend, _ body: (Cell) -> R) -> R {
    if due.kinds[Int(send.kind)].isRow {
      var address = due.rows[Int(send.person)].canonical
      return address.withUTF8 { body(Self.domain($0)) }
    }
    return body(Self.domain(contacts.view(Int(send.person)).email))
  }

  private static func domain(_ address: Cell) -> Cell {
    guard let at = address.lastIndex(of: 0x40) else { return address }
    return Cell(rebasing: address[(at + 1)...])
  }
}
