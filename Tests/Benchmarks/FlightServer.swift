import Foundation
import Synchronization
import TestSupport

/// An SMTP server that takes what one side sends in a flight - commands, a message, both - and answers all of it after
/// a fixed time, as a server at the other end of a long line does. A thread a connection: it mostly sleeps.
final class FlightServer: Sendable {
  private struct State {
    var taken = 0
    var first: ContinuousClock.Instant?
    var last: ContinuousClock.Instant?
  }

  var port: Int { listener.port }
  private let listener: LoopbackListener
  private let pause: UInt32
  private let hangs: Bool
  private let state = Mutex(State())

  /// - Parameter hangs: takes connections and never says a word.
  init(milliseconds: Int, hangs: Bool = false) throws {
    pause = UInt32(milliseconds) * 1000
    self.hangs = hangs
    listener = try LoopbackListener()
    listener.start { [weak self] client in self?.serve(client) }
  }

  /// Messages taken since the last `forget`.
  var taken: Int { state.withLock { $0.taken } }
  var firstAt: ContinuousClock.Instant? { state.withLock { $0.first } }
  var lastAt: ContinuousClock.Instant? { state.withLock { $0.last } }
  func forget() { state.withLock { $0 = State() } }

  func stop() { listener.stop() }

  private func serve(_ client: Int32) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var line: [UInt8] = []
    var isData = false
    var answer = "220 flight.test\r\n"
    while true {
      if hangs {
        guard recv(client, &buffer, buffer.count, 0) > 0 else { return }
        continue
      }
      if !answer.isEmpty {
        usleep(pause)
        let bytes = Array(answer.utf8)
        guard Foundation.send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { return }
        answer = ""
      }
      let count = recv(client, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      for byte in buffer[..<count] {
        guard byte == 0x0A else {
          line.append(byte)
          continue
        }
        if line.last == 0x0D { line.removeLast() }
        answer += isData ? content(line, &isData) : command(line, &isData)
        line.removeAll(keepingCapacity: true)
      }
    }
  }

  private func content(_ line: [UInt8], _ isData: inout Bool) -> String {
    guard line == [0x2E] else { return "" }
    isData = false
    state.withLock { state in
      state.taken += 1
      state.first = state.first ?? .now
      state.last = .now
    }
    return "250 2.0.0 Ok\r\n"
  }

  private func command(_ line: [UInt8], _ isData: inout Bool) -> String {
    switch String(decoding: line.prefix(4), as: UTF8.self).uppercased() {
    case "EHLO": return "250-flight.test\r\n250 PIPELINING\r\n"
    case "DATA":
      isData = true
      return "354 Go on\r\n"
    case "QUIT": return "221 Bye\r\n"
    default: return "250 Ok\r\n"
    }
  }
}
