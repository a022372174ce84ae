import Model

/// Campaigns, mailboxes and providers that attempts went by together, as numbers: a day has few.
struct AttemptWays {
  struct Names {
    var campaign: String
    var mailbox: String
    var provider: String
  }

  private(set) var names: [Names] = []
  private(set) var mailboxNames: [String] = []
  private var mailboxNumbers: [String: Int32] = [:]
  private var texts: [[UInt8]] = []
  private var mailboxes: [Int32] = []
  /// The last attempt through each, in milliseconds since the epoch.
  private var last: [Int64] = []
  private var index = HashIndex()

  mutating func mailboxNumber(_ name: String) -> Int32 {
    if let known = mailboxNumbers[name] { return known }
    mailboxNumbers[name] = Int32(mailboxNames.count)
    mailboxNames.append(name)
    return Int32(mailboxNames.count - 1)
  }

  func mailbox(_ way: Int32) -> Int32 { mailboxes[Int(way)] }

  /// The number of a record's way, its time being taken as an attempt's.
  @inline(__always)
  mutating func number(_ r: FlatRecord, _ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
    let (campaign, mailbox, provider) = (bytes.text(r.campaign), bytes.text(r.mailbox), bytes.text(r.provider))
    let hash = ByteHash.of(campaign) &* 31 ^ ByteHash.of(mailbox) &* 17 ^ ByteHash.of(provider)
    let found = index.find(hash) { texts[$0].isJoined(campaign, mailbox, provider) }
    let way = found ?? add(hash, campaign, mailbox, provider)
    if r.number > 0, provider.count > 0, last[way] < r.at { last[way] = r.at }
    return Int32(way)
  }

  private mutating func add(
    _ hash: UInt64, _ campaign: UnsafeBufferPointer<UInt8>, _ mailbox: UnsafeBufferPointer<UInt8>,
    _ provider: UnsafeBufferPointer<UInt8>
  ) -> Int {
    func text(_ bytes: UnsafeBufferPointer<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
    let way = Names(campaign: text(campaign), mailbox: text(mailbox), provider: text(provider))
    index.insert(hash, names.count)
    names.append(way)
    texts.append(Array(campaign) + [0] + Array(mailbox) + [0] + Array(provider))
    mailboxes.append(mailboxNumber(way.mailbox))
    last.append(.min)
    return names.count - 1
  }

  /// Tells the history of the last attempts.
  func tell(_ history: inout History) {
    for (way, at) in zip(names, last) where at != .min {
      history.noteAttempt(mailbox: way.mailbox, provider: way.provider, at: Instant(milliseconds: at))
    }
  }
}

extension [UInt8] {
  /// Whether these are three texts with zeros between.
  fileprivate func isJoined(
    _ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>, _ c: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    guard count == a.count + b.count + c.count + 2 else { return false }
    return withUnsafeBytes { own in
      func isSame(_ start: Int, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        UnsafeRawBufferPointer(rebasing: own[start..<start + text.count]).isSame(as: UnsafeRawBufferPointer(text))
      }
      return isSame(0, a) && own[a.count] == 0 && isSame(a.count + 1, b) && own[a.count + b.count + 1] == 0
        && isSame(a.count + b.count + 2, c)
    }
  }
}
