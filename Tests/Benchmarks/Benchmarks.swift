import Foundation
import Model
import TestSupport

/// Measures the built `nightmail` beside its peers in the same run, and prints tables. Nothing here is asserted:
/// machines are shared and noisy, so read the ratios and the medians. README.md says what each figure means.
///
///     swift build -c release && swift run -c release Benchmarks [plan [CONTACTS] [options]] [delivery]
@main
struct Benchmarks {
  static let usage = """
    usage: Benchmarks [plan [CONTACTS] [--mailboxes N] [--runs N] [--without-history] [--backlog] [--large]] [start [LINES]] [delivery [PART]…]
      plan      CONTACTS (1000000) in a project of CONTACTS / 1000 mailboxes, beside DuckDB
        --runs             runs of which the medians are given, after one to warm up (5)
        --without-history  leaves out the plans beside a history of as many sends
        --backlog          plans beside a history too after which most second steps are overdue
        --large            plans ten times as many contacts too
      start     LINES (1000000) of a plan: the time until the first outcome, and memory
      delivery  small: 20,000 messages of 2 KB to Postfix's smtp-sink, beside smtp-source; large: of 100 KB;
                latency: to a server far away; hung: three servers of which one hangs; webhook: over HTTP, beside wrk
    """

  static func main() throws {
    let words = Array(CommandLine.arguments.dropFirst())
    if words.first == "csv", words.count == 2 { return try ReaderBenchmark.read(words[1]) }
    if words.first == "parts", words.count == 3, let date = CalendarDay(PlanBenchmark.date) {
      return try PartsBenchmark.run(words[1], date, into: words[2])
    }
    guard let wanted = Wanted(words) else {
      print(usage)
      exit(64)
    }
    guard FileManager.default.isExecutableFile(atPath: nightmail) else {
      print("\(nightmail) is not built: swift build -c release")
      exit(1)
    }
    if let plan = wanted.plan { try PlanBenchmark(plan).run() }
    if let start = wanted.start { try StartBenchmark(lines: start).run() }
    for part in wanted.delivery { try DeliveryBenchmark.run(part) }
  }

  /// What the command line asks for; nothing means all.
  private struct Wanted {
    var plan: PlanBenchmark.Options?
    var start: Int?
    var delivery: [DeliveryBenchmark.Part] = []

    init?(_ words: [String]) {
      if words.isEmpty {
        plan = PlanBenchmark.Options()
        delivery = DeliveryBenchmark.Part.allCases
      }
      var rest = words[...]
      func number() -> Int? { rest.popFirst().flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } }
      while let word = rest.popFirst() {
        switch word {
        case "plan": plan = PlanBenchmark.Options()
        case "start":
          start = rest.first.flatMap { Int($0) } ?? 1_000_000
          if rest.first.flatMap({ Int($0) }) != nil { rest.removeFirst() }
        case "delivery":
          while let part = rest.first.flatMap(DeliveryBenchmark.Part.init) {
            delivery.append(part)
            rest.removeFirst()
          }
          if delivery.isEmpty { delivery = DeliveryBenchmark.Part.allCases }
        case "--mailboxes":
          guard plan != nil, let n = number() else { return nil }
          plan?.mailboxes = n
        case "--runs":
          guard plan != nil, let n = number() else { return nil }
          plan?.runs = n
        case "--without-history": plan?.histories = []
        case "--backlog": plan?.histories.append(.backlog)
        case "--large": plan?.isLarge = true
        default:
          guard plan != nil, let n = Int(word), n > 0 else { return nil }
          plan?.contacts = n
        }
      }
    }
  }

  /// The program under test stands beside this one.
  static var nightmail: String { folder.appendingPathComponent("nightmail").path }
  static var itself: String { folder.appendingPathComponent("Benchmarks").path }

  private static var folder: URL {
    let path =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    return URL(fileURLWithPath: path).deletingLastPathComponent()
  }

  /// Wall-clock seconds of one call.
  static func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    let took = (ContinuousClock.now - start).components
    return Double(took.seconds) + Double(took.attoseconds) / 1e18
  }

  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return 0 }
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  static func fixed(_ value: Double, _ places: Int = 2) -> String { String(format: "%.\(places)f", value) }

  static func row(_ name: String, _ cells: [String]) {
    let name = name.padding(toLength: max(name.count, 46), withPad: " ", startingAt: 0)
    print(name + cells.map { String(repeating: " ", count: max(1, 12 - $0.count)) + $0 }.joined())
    // A table that takes minutes is seen as it comes, through a pipe too.
    fflush(nil)
  }
}
