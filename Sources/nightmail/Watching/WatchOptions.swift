import ArgumentParser
import Model

/// What `run --watch` takes besides.
struct WatchOptions: ParsableArguments {
  @Flag(help: "Stays and plans again whenever files change, day after day, until the campaigns' end.")
  var watch = false

  @Option(
    help: ArgumentHelp(
      "With --watch: how long between two looks at the files after a change; doubled with each that finds nothing new. "
        + "By default 5s.", valueName: "time"))
  var poll: String?

  @Option(help: ArgumentHelp("With --watch: the longest time between two looks. By default 5m.", valueName: "time"))
  var maxPoll: String?

  static let usualPoll = Instant.Span.seconds(5)
  static let usualMaxPoll = Instant.Span.minutes(5)
  /// Less would be one look after the other.
  static let least = Instant.Span(milliseconds: 10)

  var rhythm: WatchRhythm {
    let poll = poll.flatMap { Instant.Span($0) } ?? Self.usualPoll
    return WatchRhythm(poll: poll, most: maxPoll.flatMap { Instant.Span($0) } ?? max(poll, Self.usualMaxPoll))
  }

  func validate() throws {
    for (name, text) in [("--poll", poll), ("--max-poll", maxPoll)] {
      guard let text else { continue }
      guard watch else { throw ValidationError("\(name) says how often --watch looks: give --watch too") }
      guard let span = Instant.Span(text), span >= Self.least else {
        throw ValidationError(
          "\(name) is a length of time with its unit, at least \(Self.least), such as 5s or 5m, not '\(text)'")
      }
    }
    let rhythm = rhythm
    guard rhythm.poll <= rhythm.most else {
      throw ValidationError("--max-poll (\(rhythm.most)) is less than --poll (\(rhythm.poll))")
    }
  }
}
