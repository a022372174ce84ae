import Foundation
import TestSupport

/// Measures the built `nightmail` beside its peers in the same run, and prints tables. Nothing here is asserted:
/// machines are shared and noisy, so read the ratios and the medians.
///
///     swift build -c release && swift run -c release Benchmarks [plan] [delivery]
@main
struct Benchmarks {
  static func main() throws {
    let names = CommandLine.arguments.dropFirst()
    let wanted = names.isEmpty ? ["plan", "delivery"] : Array(names)
    for name in wanted {
      switch name {
      case "plan": try PlanBenchmark.run()
      case "delivery": try DeliveryBenchmark.run()
      default: print("no benchmark '\(name)'; there are: plan, delivery")
      }
    }
  }

  /// The program under test stands beside this one.
  static var nightmail: String {
    URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent("nightmail").path
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
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
  }

  static func fixed(_ value: Double, _ places: Int = 2) -> String { String(format: "%.\(places)f", value) }

  static func row(_ name: String, _ cells: [String]) {
    let name = name.padding(toLength: 34, withPad: " ", startingAt: 0)
    print(name + cells.map { String(repeating: " ", count: max(1, 14 - $0.count)) + $0 }.joined())
  }
}
