import Model
import Testing

@testable import nightmail

/// What `run --watch` decides: when it looks, when a change has come to rest, what wakes it, when it ends.
struct WatchDecisionTests {
  private let start = Instant(seconds: 1_764_000_000)

  @Test func theTimeBetweenLooksDoublesWhileNothingIsNewAndFallsBackAtAChange() {
    var rhythm = WatchRhythm(poll: .seconds(5), most: .minutes(1))
    let quiet = (0..<6).map { _ in
      rhythm.looked(foundNews: false)
      return rhythm.interval
    }
    #expect(quiet == [.seconds(10), .seconds(20), .seconds(40), .minutes(1), .minutes(1), .minutes(1)])
    rhythm.looked(foundNews: true)
    #expect(rhythm.interval == .seconds(5))
  }

  @Test func filesAreReadOnceTwoLooksInARowFindThemAlike() {
    var change = WatchedChange(taken: 1)
    #expect(change.look(1) == .unchanged)
    #expect(change.look(2) == .changing)
    #expect(change.look(3) == .changing)
    #expect(change.look(3) == .settled)
    #expect(change.look(3) == .unchanged)
    // Written and taken back: there is nothing to read.
    #expect(change.look(4) == .changing)
    #expect(change.look(3) == .unchanged)
    #expect(change.look(4) == .changing)
  }

  @Test func aFileThatNeverRestsIsReadAtLast() {
    var change = WatchedChange(taken: 0)
    let looks = (1...25).map { change.look($0) }
    let patience = WatchedChange<Int>.patience
    #expect(looks.indices.filter { looks[$0] == .settled } == [patience - 1, 2 * patience - 1])
  }

  @Test func whatCallsFirstIsTheNextDayThenWhatFailedThenTheEnd() {
    var agenda = WatchAgenda(dayEnd: start + .hours(2), campaignsEnd: start + .hours(1), retryAt: nil)
    #expect(agenda.wake(at: start, isDelivering: false) == nil)
    #expect(agenda.wake(at: start + .hours(1), isDelivering: false) == .campaignsEnded)
    #expect(agenda.wake(at: start + .hours(1), isDelivering: true) == nil, "what is under way ends by itself")
    // What could not be tried has its own time, and no end hurries it.
    agenda.retryAt = start + .minutes(90)
    #expect(agenda.wake(at: start + .minutes(70), isDelivering: false) == nil)
    #expect(agenda.wake(at: start + .minutes(90), isDelivering: false) == .retry)
    #expect(agenda.wake(at: start + .hours(2), isDelivering: false) == .nextDay)
    // A delivery writes down what has not gone out, and is cut short only if it does not end.
    #expect(agenda.wake(at: start + .hours(2), isDelivering: true) == nil)
    #expect(agenda.wake(at: start + .hours(2) + WatchAgenda.patience, isDelivering: true) == .nextDay)
  }

  private func campaign(_ id: String, _ status: Campaign.Status, end: Instant?) -> Campaign {
    Campaign(
      id: id, status: status, end: end, audience: .contacts(.init(files: [])), mailboxes: .ids([]), steps: [])
  }

  @Test func itEndsWithTheLastCampaignAndNeverWhileOneHasNoEnd() {
    let (early, late) = (start + .hours(1), start + .hours(2))
    var project = Project(campaigns: [
      campaign("a", .active, end: early), campaign("b", .paused, end: late), campaign("c", .draft, end: nil),
    ])
    #expect(WatchEnd.of(project) == .at(late), "a draft is nobody's work; what is paused may go on")
    project.broken = ["d"]
    #expect(WatchEnd.of(project) == .never, "what does not read may be good again")
    project.broken = []
    project.campaigns.append(campaign("e", .active, end: nil))
    #expect(WatchEnd.of(project) == .never)
    project.campaigns = [campaign("c", .draft, end: nil)]
    #expect(WatchEnd.of(project) == .nothingActive)
  }

  @Test func whatOnlyDropsSendsCallsForNoNewPlan() {
    func input(_ path: String, _ digest: String, _ role: InputFile.Role) -> InputFile {
      InputFile(path: path, digest: digest, role: role)
    }
    let before = WatchedInputs([
      input("data/contacts.csv", "1", .contacts), input("data/events.csv", "1", .events),
      input("data/messages/1.csv", "1", .messages),
    ])
    let drops = WatchedInputs([
      input("data/contacts.csv", "1", .contacts), input("data/events.csv", "2", .events),
      input("data/messages/1.csv", "1", .messages), input("data/suppressions.csv", "1", .suppressions),
    ])
    #expect(drops.changes(since: before) == [])
    let rows = WatchedInputs([input("data/contacts.csv", "2", .contacts), input("data/messages/2.csv", "1", .messages)])
    #expect(
      rows.changes(since: before) == [
        "data/contacts.csv was changed", "data/messages/1.csv is gone", "data/messages/2.csv is new",
      ])
  }

  @Test func aSuppressionsFileThatIsGoneIsNotTakenForAnEmptyOne() {
    let drops = InputFile(path: "data/suppressions.csv", digest: "1", role: .suppressions)
    let rows = InputFile(path: "data/messages/1.csv", digest: "1", role: .messages)
    #expect(WatchedInputs.vanished([rows], since: [rows, drops]) == "data/suppressions.csv")
    #expect(WatchedInputs.vanished([drops], since: [rows, drops]) == nil)
  }
}
