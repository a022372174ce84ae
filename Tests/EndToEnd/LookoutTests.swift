import Delivery
import Foundation
import Model
import TestSupport
import Testing

@testable import nightmail

/// What calls `run --watch` while it plans: it neither waits nor delivers then.
@Suite(.timeLimit(.minutes(2)))
struct LookoutTests {
  private static let before = "email\nada@example.com\n"
  private static let after = before + "ben@example.com\n"

  @Test func filesThatGoBackWhileAPlanIsBeingMadeCallForAnother() async throws {
    let project = try TestProject(Projects.codes(1, through: nil))
    try project.folder.write(Self.before, to: "data/messages.csv")
    let workspace = Workspace(try GlobalOptions.parse(["--project", project.path]))
    let files = WatchedFiles(folder: workspace.folder)
    var reading = WatchedReading(workspace, keepGoing: false)
    let first = try reading.first()
    let tick = Instant.Span(milliseconds: 10)
    let lookout = Lookout(
      workspace, project: first, files: files, reading: reading, day: workspace.output.day(CalendarDay(number: 20_000)),
      agenda: WatchAgenda(dayEnd: .distantFuture), rhythm: WatchRhythm(poll: tick, most: tick), heedsApprovals: true,
      signals: StopRequest())
    defer { lookout.close() }
    lookout.planned(from: first.inputs)
    try project.folder.write(Self.after, to: "data/messages.csv")
    #expect(await lookout.next() == .files)
    let second = lookout.takeIn()
    #expect(second.inputs != first.inputs)
    // A plan is being made from these; somebody takes the change back, and that is read.
    try project.folder.write(Self.before, to: "data/messages.csv")
    try wait(20) { lookout.takeIn().inputs == first.inputs }
    lookout.planned(from: second.inputs)
    let delivery = StopRequest()
    lookout.begin(delivery)
    try #require(delivery.isAsked, "the plan is of files that are no more")
    lookout.end()
    #expect(await lookout.next() == .files)
    // Planned anew from what is there: nothing calls.
    lookout.planned(from: lookout.takeIn().inputs)
    let next = StopRequest()
    lookout.begin(next)
    #expect(!next.isAsked)
  }
}
