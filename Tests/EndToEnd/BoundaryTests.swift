import Foundation
import TestSupport
import Testing

/// Killed, or left without a disk, at each single call that changes a file: the lock, the results, the history's
/// identity, the dead letters.
@Suite(.serialized, .enabled(if: DiskFaults.isThere, "\(DiskFaults.needs)"), .timeLimit(.minutes(30)))
struct BoundaryTests {
  /// Six sends planned once, and begun anew for each boundary.
  private struct Stage {
    let wire: RecordingServer.Wire
    let project: TestProject
    private let kept = try? TemporaryFolder()
    let seed: UInt64

    init(_ wire: RecordingServer.Wire) throws {
      self.wire = wire
      project = try TestProject(Projects.codes(6, through: nil))
      try project.nightmail(expecting: 0, "plan")
      let lines = try project.records("output/\(Daytime.today)/plan.jsonl")
      let names = lines.compactMap { $0[wire == .smtp ? "to" : "id"]?.string }
      // One by which each thing happens that can happen to a send.
      seed = try #require(
        (0..<10_000).first { seed in
          Set(names.map { Self.manners(seed).fate($0) }).count == 4
        })
      try FileManager.default.copyItem(atPath: project.folder.file("output"), toPath: saved)
    }

    private var saved: String { kept?.file("output") ?? "" }
    private var log: String { kept?.file("log") ?? "" }
    private static func manners(_ seed: UInt64) -> RecordingServer.Manners {
      RecordingServer.Manners(seed: seed, latency: 1, dropsOneIn: 3, refusesOneIn: 3)
    }

    /// As it was once planned, with a server of its own.
    func begin() throws -> RecordingServer {
      let files = FileManager.default
      try? files.removeItem(atPath: project.folder.file("data/history.id"))
      try files.removeItem(atPath: project.folder.file("output"))
      try files.copyItem(atPath: saved, toPath: project.folder.file("output"))
      try? files.removeItem(atPath: log)
      let server = try RecordingServer(wire, Self.manners(seed))
      try project.folder.write(Projects.provider(server, connections: 2), to: "data/providers.yaml")
      return server
    }

    func send(_ kind: DiskFaults.Kind, at: Int, calls: [String] = []) throws -> Shell.Output {
      try project.nightmail(
        "send", environment: DiskFaults.environment(kind, at: at, calls: calls, in: project, log: log))
    }

    var sizeOnDisk: Int { DiskFaults.sizeOnDisk(of: "output/\(Daytime.today)/results.jsonl", log: log) }
  }

  @Test(arguments: RecordingServer.Wire.allCases)
  func killedAtEachWriteNothingGoesTwiceAndNothingIsLost(_ wire: RecordingServer.Wire) throws {
    let stage = try Stage(wire)
    // After a call is before the next: what lies between is the network's.
    let kinds: [DiskFaults.Kind] = RecordedKillTests.isLong ? [.killBefore, .killAmid, .killAfter] : [.killAmid]
    for kind in kinds {
      var at = 1
      while at < 500 {
        let server = try stage.begin()
        let note: Comment = "\(wire), \(kind) at \(at)"
        let run = try stage.send(kind, at: at)
        guard run.status == 9 else {
          #expect([0, 3].contains(run.status), "\(note): \(run.out)\(run.error)")
          break
        }
        let reckoning = Reckoning(stage.project, server)
        try reckoning.nothingIsOutThatWasNotWrittenDown(note, size: stage.sizeOnDisk)
        let last = try stage.project.nightmail("send")
        #expect([0, 3].contains(last.status), "\(note): \(last.out)\(last.error)")
        try reckoning.reconcile(note, isThorough: at % 8 == 0)
        server.stop()
        at += 1
      }
      print("\(wire): \(kind) at each of \(at - 1) calls")
      #expect(at > 30 && at < 500, "\(wire), \(kind): \(at) boundaries")
    }
  }

  struct Failure: Sendable, CustomTestStringConvertible {
    var code: Int32
    var advice: String
    /// Which calls fail; empty: all that change a file.
    var calls: [String] = []
    var testDescription: String { String(cString: strerror(code)) + " " + calls.joined(separator: " ") }
    static let all = [
      Failure(code: ENOSPC, advice: "make room on the disk and run again", calls: ["write", "open"]),
      Failure(code: EIO, advice: "check the disk", calls: ["sync"]),
      Failure(code: EROFS, advice: "give the user that runs nightmail access"),
    ]
  }

  /// Every third call is the first to fail; with NIGHTMAIL_LONG=1 each.
  @Test(arguments: RecordingServer.Wire.allCases, Failure.all)
  func aDiskThatFailsStopsItBeforeAnythingGoesOutUnrecorded(_ wire: RecordingServer.Wire, _ failure: Failure) throws {
    let stage = try Stage(wire)
    var (at, failed) = (1, 0)
    while at < 500 {
      let server = try stage.begin()
      let note: Comment = "\(wire), \(failure.testDescription) at \(at)"
      let run = try stage.send(.fails(failure.code), at: at, calls: failure.calls)
      if [0, 3].contains(run.status) { break }
      failed += 1
      #expect([1, 4].contains(run.status), "\(note): \(run.status) \(run.out)\(run.error)")
      #expect(run.error.contains(failure.advice), "\(note): \(run.error)")
      let reckoning = Reckoning(stage.project, server)
      try reckoning.nothingIsOutThatWasNotWrittenDown(note, size: stage.sizeOnDisk)
      let last = try stage.project.nightmail("send")
      #expect([0, 3].contains(last.status), "\(note): \(last.out)\(last.error)")
      try reckoning.reconcile(note, isThorough: failed % 8 == 0)
      server.stop()
      at += RecordedKillTests.isLong ? 1 : 3
    }
    #expect(failed > 3 && at < 500, "\(wire), \(failure.testDescription): \(failed) failures")
  }
}
