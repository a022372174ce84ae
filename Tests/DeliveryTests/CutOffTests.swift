import Model
import TestSupport
import Testing

@testable import Delivery

/// What a killed run leaves behind says nothing of the server that it was talking to.
struct CutOffTests {
  /// A run with ten attempts under way was killed; these are its records, and what the next one makes of them.
  private func earlier(_ sends: [PlannedSend], settledBy run: String) -> [Record] {
    func begun(_ id: String) -> Record {
      .run(Record.Run(id: id, at: at("09:00:00"), plan: "p", host: "h", pid: 1, approvedBy: []))
    }
    func attempt(_ send: PlannedSend, _ run: String) -> Record.Attempt {
      Record.Attempt(send, number: 1, at: at("09:00:01"), provider: "alpha", messageID: "", run: run)
    }
    return [begun("1111111111111111")] + sends.map { .intent(attempt($0, "1111111111111111")) }
      + sends.map { .outcome(attempt($0, run), Record.Result(outcome: .inDoubt, response: "")) }
  }

  private func scene(settledBy run: String) -> Scene {
    var scene = Scene()
    scene.earlier = earlier((100..<110).map { Scene.send($0, at: at("09:00:00")) }, settledBy: run)
    for _ in 0..<10 { scene.add(at("09:00:00")) }
    scene.now = at("09:00:02")
    return scene
  }

  @Test func aLoginDoesNotRestForWhatAKilledRunLeftInDoubt() {
    var bench = Bench(scene(settledBy: "2222222222222222"))
    #expect(bench.start(at("09:00:02")).count == 10)
  }

  @Test func aLoginRestsForWhatItsOwnServerLeftInDoubt() {
    var bench = Bench(scene(settledBy: "1111111111111111"))
    #expect(bench.start(at("09:00:02")).isEmpty)
  }
}
