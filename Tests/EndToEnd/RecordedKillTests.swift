import Foundation
import TestSupport
import Testing

/// Killed (-9) at any instant against a server that keeps a log of what it accepted, is slow, closes the connection in
/// place of one answer in twenty and refuses one message in ten: nothing twice, nothing lost, each in doubt listed.
@Suite(.serialized, .timeLimit(.minutes(30)))
struct RecordedKillTests {
  static let isLong = ProcessInfo.processInfo.environment["NIGHTMAIL_LONG"] == "1"

  /// Fifteen kills; with NIGHTMAIL_LONG=1 five times a hundred, each time with a plan of its own.
  @Test(arguments: RecordingServer.Wire.allCases)
  func killedAtRandomAgainAndAgainNothingGoesTwiceAndNothingIsLost(_ wire: RecordingServer.Wire) throws {
    for _ in 0..<(Self.isLong ? 5 : 1) { try killAgainAndAgain(wire, kills: Self.isLong ? 100 : 15) }
  }

  private func killAgainAndAgain(_ wire: RecordingServer.Wire, kills: Int) throws {
    let seed = UInt64.random(in: 0 ... .max)
    var dice = Dice(seed)
    let server = try RecordingServer(wire, RecordingServer.Manners(seed: seed))
    let project = try TestProject(Projects.codes(kills * 40, through: server))
    try project.nightmail(expecting: 0, "plan")
    var (done, midway) = (0, 0)
    while done < kills {
      let before = server.count
      let run = try project.start("send")
      if done % 5 == 0 {
        // While it reads its files, settles what is in doubt, connects.
        pause(milliseconds: dice.below(300))
      } else {
        let wanted = before + dice.below(16)
        try wait(60) { server.count >= wanted || !run.isRunning }
        pause(milliseconds: dice.below(8))
      }
      guard run.isRunning else {
        Issue.record("\(wire), seed \(seed): it ended by itself after \(done) kills: \(run.output)")
        break
      }
      run.stop()
      done += 1
      if server.count > before { midway += 1 }
    }
    #expect(midway >= kills / 2, "\(wire), seed \(seed): too few were killed while they sent")
    let last = try project.nightmail("send", "--json", limit: 600)
    #expect([0, 3].contains(last.status), "\(wire), seed \(seed): \(last.out)\(last.error)")
    let reckoning = Reckoning(project, server)
    let figures = try reckoning.reconcile("\(wire), seed \(seed)")
    print("\(wire): \(done) kills, \(midway) of them while it sent; \(figures); seed \(seed)")
    #expect(figures.inDoubt > 0 && figures.refused > 0 && figures.accepted > figures.planned / 2, "a tame server")
    // And the end is the end.
    try project.nightmail(expecting: 0, "send")
    #expect(server.count == figures.accepted)
  }
}
