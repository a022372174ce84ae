import Model

/// A due step of a contact, or a due message row: what the planner finds room for. Everything about it that does not
/// depend on the mailbox is already decided.
struct Candidate {
  var id: SendID
  /// Index into the live campaigns.
  var campaign: Int
  var step: Int
  var variant: Int
  var contactKey: String
  var channel: Channel
  var to: String
  var name: String?
  /// The zone that `contact` stands for in windows.
  var zone: Zone
  /// Not before it: a message row's `send_at`.
  var earliest: Instant?
  var expiresAt: Instant?
  /// The mailbox that it must take: kept through the sequence, assigned by the contact, or named by the row.
  var mailbox: Int?
  var rank: Rank
  /// Values of contact and row, the row's winning; campaign's and mailbox's come under them.
  var values: [String: String]
  var batch: String?
  var key = ""
  var literal: Literal?
  var thread: PlannedSend.Thread?

  /// A message row's own words, which are no templates.
  struct Literal {
    var subject: String?
    var text: String?
    var html: String?
    /// With a text or page of its own, a row does not use the step's.
    var hasBody: Bool { text != nil || html != nil }
  }
}

/// The order in which due steps are served (DESIGN §4.3): follow-ups before first steps, then priority, then days
/// overdue; ties by seed.
struct Rank: Comparable {
  var isFollowUp: Bool
  var priority: Int
  var daysOverdue: Int
  var tie: UInt64

  /// Smaller goes first.
  static func < (a: Rank, b: Rank) -> Bool {
    if a.isFollowUp != b.isFollowUp { return a.isFollowUp }
    if a.priority != b.priority { return a.priority > b.priority }
    if a.daysOverdue != b.daysOverdue { return a.daysOverdue > b.daysOverdue }
    return a.tie < b.tie
  }
}

/// What a plan's day finds of one step: the one decision that the plan is made from.
enum Decision {
  case due(Candidate)
  /// With the step's position.
  case skipped(SkipReason, step: Int, detail: String)
  case held(HoldReason)
  /// The delay, the row's `send_at` or the campaign's start lies ahead.
  case waiting
  case ended
}
