/// Something that happened to a contact.
public enum EventType: String, CaseIterable, Sendable {
  case reply
  case autoReply = "auto_reply"
  case bounce
  case softBounce = "soft_bounce"
  case complaint
  case unsubscribe
  /// Carried over from another tool: the step counts as sent.
  case sent
}

/// One line of an events file.
public struct Event: Hashable, Sendable {
  public var at: Instant
  public var type: EventType
  /// The contact's id, address or number, addresses and numbers in their canonical form.
  public var contact: String
  public var campaign: String?
  public var step: String?
  public var messageID: String?
  public var detail: String?

  public init(
    at: Instant, type: EventType, contact: String, campaign: String? = nil, step: String? = nil,
    messageID: String? = nil, detail: String? = nil
  ) {
    self.at = at
    self.type = type
    self.contact = contact
    self.campaign = campaign
    self.step = step
    self.messageID = messageID
    self.detail = detail
  }
}

/// One line of `suppressions.csv`: an address, `@domain` or number that must not be written to.
public struct Suppression: Hashable, Sendable {
  /// Canonical address, `@` and an A-label domain, or E.164.
  public var value: String
  public var reason: String?
  /// Nil means all campaigns.
  public var campaign: String?
  /// The first instant at which it holds no more; nil means for ever.
  public var until: Instant?
  public var place: Place

  public init(value: String, reason: String? = nil, campaign: String? = nil, until: Instant? = nil, place: Place) {
    self.value = value
    self.reason = reason
    self.campaign = campaign
    self.until = until
    self.place = place
  }
}

/// What must not be written to, for whatever reason, indexed. Planning and the executor ask the same questions of it;
/// the executor reads it again while it sends. It can only take sends away.
public struct Drops: Sendable {
  private let suppressions: [Suppression]
  /// By the hash of their value: there may be many, and each by itself in a dictionary would cost more than they do.
  private var byValue = HashIndex()
  private var events: [String: [Event]] = [:]
  @usableFromInline var filter: HashFilter

  public init(suppressions: [Suppression] = [], events: [Event] = []) {
    self.suppressions = suppressions
    for e in events { self.events[e.contact, default: []].append(e) }
    filter = HashFilter(capacity: suppressions.count + self.events.count)
    byValue.reserve(suppressions.count)
    for (i, s) in suppressions.enumerated() {
      let hash = ByteHash.of(s.value)
      byValue.insert(hash, i)
      filter.insert(hash)
    }
    for contact in self.events.keys { filter.insert(ByteHash.of(contact)) }
  }

  public var hasEvents: Bool { !events.isEmpty }

  /// False only if no suppression or event names what has this `ByteHash`: an address, `@domain`, number or id.
  @inlinable @inline(__always)
  public func mayName(_ hash: UInt64) -> Bool { filter.contains(hash) }

  /// Everything that is known of a person goes by identity and by address; bounces by the address alone.
  public struct Person: Sendable {
    public var key: String
    public var to: String
    public var channel: Channel
    /// Other addresses, numbers and ids of the same contact: what events say of them is the contact's too, but for
    /// bounces.
    public var others: [String]
    /// Each once.
    var names: [String] { [key] + Set([to] + others).subtracting([key]).sorted() }
    /// - Parameter to: as it is sent to; an address is put into its canonical spelling, since suppressions and events
    ///   have that one.
    public init(key: String, to: String, channel: Channel, others: [String] = []) {
      self.key = key
      self.others = others
      let isPlain = to.utf8.allSatisfy { $0 < 0x80 && !($0 >= 0x41 && $0 <= 0x5A) }
      self.to = channel == .sms || isPlain ? to : EmailAddress.canonical(of: to)
      self.channel = channel
    }
  }

  /// Why `campaign` may not write to a person at `now`, the first reason that applies with its detail; nil if it may.
  /// - Parameter was: the campaign's earlier ids; what names one of them goes on holding.
  public func reason(
    _ person: Person, campaign: String, was: [String] = [], messageClass: Campaign.MessageClass, now: Instant
  ) -> (reason: SkipReason, detail: String)? {
    var values = [person.to]
    if person.channel == .email, let at = person.to.utf8.lastIndex(of: 0x40) { values.append(String(person.to[at...])) }
    for value in values where !suppressions.isEmpty {
      // Those of one value are in no order that means anything: the first of the file's that holds is told.
      var own: [Int] = []
      _ = byValue.find(ByteHash.of(value)) { i in
        if suppressions[i].value == value { own.append(i) }
        return false
      }
      for s in own.sorted().map({ suppressions[$0] }) {
        if let named = s.campaign, named != campaign, !was.contains(named) { continue }
        if let until = s.until, now >= until { continue }
        return (.suppressed, "\(value): \(s.reason ?? "suppressed") (\(s.place))")
      }
    }
    if events.isEmpty { return nil }
    let byAddress = events[person.to] ?? []
    let all = person.names.reduce(byAddress) { $1 == person.to ? $0 : $0 + (events[$1] ?? []) }
    if let e = byAddress.first(where: { $0.type == .bounce }) { return (.bounced, Self.detail(e)) }
    if let e = all.first(where: { $0.type == .complaint }) { return (.complained, Self.detail(e)) }
    if messageClass == .bulk, let e = all.first(where: { $0.type == .unsubscribe }) {
      return (.unsubscribed, Self.detail(e))
    }
    return nil
  }

  /// The event that ends a sequence which began at `began`, if one does. An event that names a campaign holds for
  /// that one only; one that names none stops the sequences that were running when it came.
  public func stop(_ person: Person, campaign: Campaign, began: Instant?) -> Event? {
    if events.isEmpty { return nil }
    for key in person.names {
      for e in events[key] ?? [] where campaign.stopOn.contains(e.type) {
        if let named = e.campaign {
          if named == campaign.id || campaign.was.contains(named) { return e }
        } else if let began, e.at >= began {
          return e
        }
      }
    }
    return nil
  }

  /// Whether another tool has made a step to a person, by an event `sent`.
  public func isCarriedOver(_ person: Person, campaign: Campaign, step: String) -> Bool {
    if events.isEmpty { return false }
    let names = campaign.steps.first { $0.id == step }.map { [$0.id] + $0.was } ?? [step]
    return person.names.contains { key in
      (events[key] ?? []).contains { event in
        event.type == .sent && event.step.map(names.contains) == true
          && event.campaign.map { $0 == campaign.id || campaign.was.contains($0) } == true
      }
    }
  }

  /// Events of some types within a span of time, in order of time and contact.
  public func events(_ types: Set<EventType>, within span: Interval) -> [Event] {
    events.values.joined().filter { types.contains($0.type) && span.contains($0.at) }
      .sorted { $0.at != $1.at ? $0.at < $1.at : $0.contact < $1.contact }
  }

  private static func detail(_ event: Event) -> String {
    let what = event.detail.map { ": \($0)" } ?? ""
    return "\(event.type.rawValue) at \(Zone.utc.format(event.at))\(what)"
  }
}
