import Model
import Synchronization

/// The order in which due steps are served (DESIGN §4.3): follow-ups before first steps, then priority, then days
/// overdue; ties by seed.
struct Rank: Hashable, Comparable {
  var isFollowUp: Bool
  var priority: Int
  var daysOverdue: Int

  init(_ kind: SendKind, _ campaign: Campaign) {
    isFollowUp = kind.step > 0
    priority = campaign.priority
    daysOverdue = kind.daysOverdue
  }

  /// Smaller goes first.
  static func < (a: Rank, b: Rank) -> Bool {
    if a.isFollowUp != b.isFollowUp { return a.isFollowUp }
    if a.priority != b.priority { return a.priority > b.priority }
    return a.daysOverdue > b.daysOverdue
  }
}

/// Due sends by what decides their place: those of one rank with the same open time and the same choice of mailboxes
/// are a class, and interchangeable but for the tie that the seed decides.
struct RankedSends {
  /// Sends with the same open time and choice of mailboxes, over all ranks.
  struct Way: Hashable {
    /// Index into `times`.
    var time: Int
    var channel: Channel
    /// -1 for any of the campaign's.
    var mailbox: Int
  }

  struct Class {
    /// 0 is the first rank.
    var rank: Int
    /// Index into `ways`.
    var way: Int
    /// Whether its sends are first steps or message rows, and count for `daily_new_limit`.
    var isFirst: Bool
    /// Indices of sends, by tie.
    var members: [UInt32] = []
  }

  private(set) var times: [OpenTimes.Class] = []
  private(set) var ways: [Way] = []
  /// In order of their ranks.
  private(set) var classes: [Class] = []
  private(set) var rankCount = 0
  private let rankOfKind: [Int]
  /// For each kind its class.
  private(set) var classOfKind: [Int] = []

  init(_ due: DueSteps, _ day: PlanningDay, _ open: OpenTimes) {
    let ranks = due.kinds.map { Rank($0, day.campaigns[$0.campaign].campaign) }
    let sorted = Set(ranks).sorted()
    rankCount = sorted.count
    let number = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1, $0) })
    rankOfKind = ranks.map { number[$0] ?? 0 }
    var timeIndex: [OpenTimes.Class: Int] = [:]
    var wayIndex: [Way: Int] = [:]
    var classIndex: [[Int]: Int] = [:]
    var classOfKind: [Int] = []
    for (kind, rank) in zip(due.kinds, ranks) {
      let time = open.timeClass(of: kind)
      if timeIndex[time] == nil {
        timeIndex[time] = times.count
        times.append(time)
      }
      let way = Way(time: timeIndex[time] ?? 0, channel: kind.channel, mailbox: kind.mailbox)
      if wayIndex[way] == nil {
        wayIndex[way] = ways.count
        ways.append(way)
      }
      let isFirst = kind.isRow || kind.step == 0
      let key = [number[rank] ?? 0, wayIndex[way] ?? 0, isFirst ? 1 : 0]
      if classIndex[key] == nil {
        classIndex[key] = classes.count
        classes.append(Class(rank: key[0], way: key[1], isFirst: isFirst))
      }
      classOfKind.append(classIndex[key] ?? 0)
    }
    let order = classes.indices.sorted { (classes[$0].rank, $0) < (classes[$1].rank, $1) }
    var place = [Int](repeating: 0, count: classes.count)
    for (i, c) in order.enumerated() { place[c] = i }
    classes = order.map { classes[$0] }
    self.classOfKind = classOfKind.map { place[$0] }
    fill(due.sends, self.classOfKind, seed: day.seed)
  }

  private mutating func fill(_ sends: [DueSend], _ classOfKind: [Int], seed: UInt64) {
    var counts = [Int](repeating: 0, count: classes.count)
    for send in sends { counts[classOfKind[Int(send.kind)]] += 1 }
    var members = counts.map { count in
      var list: [Keyed] = []
      list.reserveCapacity(count)
      return list
    }
    for (i, send) in sends.enumerated() {
      members[classOfKind[Int(send.kind)]].append(Keyed(tie: Self.tie(send.id, seed), send: UInt32(i)))
    }
    // Each list is let go as soon as it is sorted: together they are as large as the sends.
    let lists = Mutex(members)
    members = []
    let sorted = Parallel.map(counts.count) { c in
      var own = lists.withLock { lists in
        var list: [Keyed] = []
        swap(&list, &lists[c])
        return list
      }
      // Ties between equal ties, one in 2⁶⁴, by id; the order of contacts and rows in the files changes nothing.
      own.sort { a, b in a.tie != b.tie ? a.tie < b.tie : sends[Int(a.send)].id < sends[Int(b.send)].id }
      return own.map(\.send)
    }
    for c in classes.indices { classes[c].members = sorted[c] }
  }

  /// Index into the live campaigns.
  func campaign(ofWay way: Int) -> Int { times[ways[way].time].campaign }

  /// Whether a class's sends are e-mails.
  func isEmail(_ classNumber: Int) -> Bool { ways[classes[classNumber].way].channel == .email }

  mutating func forgetMembers() {
    for c in classes.indices { classes[c].members = [] }
  }

  /// Whether a send is served before another: by rank, then by tie.
  func isBefore(_ a: UInt32, _ b: UInt32, _ due: DueSteps, _ day: PlanningDay) -> Bool {
    let (x, y) = (due.sends[Int(a)], due.sends[Int(b)])
    let (i, j) = (rankOfKind[Int(x.kind)], rankOfKind[Int(y.kind)])
    if i != j { return i < j }
    let (s, t) = (Self.tie(x.id, day.seed), Self.tie(y.id, day.seed))
    return s != t ? s < t : x.id < y.id
  }

  private struct Keyed {
    var tie: UInt64
    var send: UInt32
  }

  private static func tie(_ id: SendID, _ seed: UInt64) -> UInt64 {
    Seeded.mix(id.high ^ (seed &* 0x9E37_79B9_7F4A_7C15))
  }
}
