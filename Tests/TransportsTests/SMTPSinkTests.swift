import Delivery
import Foundation
import Model
import TestSupport
import Testing

@testable import Transports

/// Postfix's own test server, which nobody here wrote, with each of its faults.
@Suite(.enabled(if: Shell.find("smtp-sink") != nil, "needs Postfix's smtp-sink"), .timeLimit(.minutes(2)))
struct SMTPSinkTests {
  private func start(_ options: [String]) throws -> (RunningProgram, Int) {
    let port = LoopbackPort.free()
    let user = getuid() == 0 ? ["-u", "nobody"] : []
    let sink = try RunningProgram("smtp-sink", user + options + ["127.0.0.1:\(port)", "128"])
    try #require(LoopbackPort.waitUntilOpen(port), "\(sink.output)")
    return (sink, port)
  }

  @Test(arguments: [["-c"], ["-c", "-p"], ["-c", "-8"], ["-c", "-e"]])
  func aPlainSinkTakesEverything(options: [String]) throws {
    let (sink, port) = try start(options)
    defer { sink.stop() }
    let harness = Harness()
    let none = options.contains("-e")
    for handle in 0..<500 {
      harness.transport.begin(.make(handle, .smtp(port, maxConnections: 10, messagesPerConnection: 30)))
    }
    #expect(harness.finish(0..<500))
    #expect(harness.replies.values.allSatisfy { $0.ending == .reply(code: 250) }, "\(none) \(harness.unavailable)")
  }

  struct Fault: Sendable, CustomTestStringConvertible {
    /// `-r` refuses with 4yz, `-f` with 5yz, `-q` hangs up, `-Q` says 421 first.
    var option: String
    var command: String
    var testDescription: String { "\(option) \(command)" }
    static let all = ["-r", "-f", "-q", "-Q"].flatMap { option in
      ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."].map { Fault(option: option, command: $0) }
    }
  }

  @Test(arguments: Fault.all)
  func aFaultEndsEachAttemptOnceAndTruly(fault: Fault) throws {
    // -r and -f on CONNECT are not faults that smtp-sink knows; it says so by exiting, or ignores them.
    let (sink, port) = try start([fault.option, fault.command])
    defer { sink.stop() }
    let harness = Harness()
    for handle in 0..<3 { harness.transport.begin(.make(handle, .smtp(port))) }
    #expect(harness.finish(0..<3))
    let refused = fault.option == "-r" ? 4 : 5
    for handle in 0..<3 {
      guard let reply = harness.replies[handle] else {
        // Given back: only a connection that never came about does that.
        #expect(fault.command == "CONNECT" || fault.command == "EHLO")
        continue
      }
      let stages: [String: Reply.Stage] = ["MAIL": .mail, "RCPT": .rcpt, "DATA": .data, ".": .message]
      guard let stage = stages[fault.command] else {
        // EHLO refused, HELO taken: mail goes through.
        #expect(reply.ending == .reply(code: 250), "\(reply)")
        continue
      }
      #expect(reply.stage == stage)
      #expect(reply.completed == (stage == .message))
      switch (fault.option, reply.ending) {
      case ("-r", .reply(let code)), ("-f", .reply(let code)): #expect(code / 100 == refused)
      case ("-Q", .reply(let code)): #expect(code == 421)
      case ("-q", .connectionLost): break
      default: Issue.record("\(fault.option) \(fault.command): \(reply)")
      }
    }
  }

  @Test func aConnectionAbortedAfterTheFirstCommandsIsSurvived() throws {
    let (sink, port) = try start(["-A", "0", "-q", "RSET"])
    defer { sink.stop() }
    let harness = Harness()
    for handle in 0..<5 { harness.transport.begin(.make(handle, .smtp(port))) }
    #expect(harness.finish(0..<5))
    #expect(harness.replies.count + harness.unavailable.flatMap(\.returned).count == 5)
  }
}
