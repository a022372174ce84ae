import Dispatch
import Foundation
import Reporting

/// `status --watch`: shows a day again and again until no run is under way any more.
///
/// A terminal is drawn over in place, without a moment of emptiness; anything else gets a line whenever the line has
/// changed. Ctrl-C ends it as if the run had ended: nothing but this view stops.
struct StatusWatch {
  let isTerminal: Bool
  /// Between two looks. A day of a million sends takes seconds to count, and the run needs the machine too: then the
  /// pause is four times that.
  static let pause = Duration.seconds(2)

  func run(_ look: () throws -> (DayStatus, String)) throws {
    let stop = DispatchSemaphore(value: 0)
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { stop.signal() }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    var last = ""
    while true {
      let began = ContinuousClock.now
      let (status, text) = try look()
      show(status, text, &last)
      guard status.figures.isLive else {
        if !isTerminal || last.isEmpty { return }
        return Console.out("\nNo run is under way.")
      }
      let pause = max(Self.pause, (ContinuousClock.now - began) * 4)
      let wait = Double(pause / .milliseconds(1)) / 1000
      if stop.wait(timeout: .now() + wait) == .success { return isTerminal ? Console.out("") : () }
    }
  }

  private func show(_ status: DayStatus, _ text: String, _ last: inout String) {
    if isTerminal {
      // Home, each line cleared to its end, and what an earlier, longer picture left below. The first look clears all.
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\u{1B}[K\n")
      Console.out((last.isEmpty ? "\u{1B}[2J" : "") + "\u{1B}[H" + lines + "\u{1B}[J")
      last = text
      return
    }
    let line = status.headline.replacing("\n", with: " ")
    guard line != last else { return }
    last = line
    Console.out("\(status.figures.zone.format(Workspace.now()).prefix(19))  \(line)")
  }
}
