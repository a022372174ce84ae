import Foundation
import TestSupport

/// 100,000 contacts and 100 mailboxes: validate and plan, from reading the files to the plan on disk.
enum PlanBenchmark {
  static func run() throws {
    let contacts = 100_000
    let project = try BenchmarkProject.make(contacts: contacts, mailboxes: 100, limit: 1200)
    let file = project.file("data/contacts.csv")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file)).count
    print("\nplan: \(contacts) contacts, 100 mailboxes, \(bytes / 1_000_000) MB of contacts; median of 5\n")
    Benchmarks.row("", ["seconds", "contacts/s", "MB/s"])
    func measure(_ name: String, _ program: String, _ arguments: [String]) throws {
      var times: [Double] = []
      for _ in 0..<5 {
        times.append(try Benchmarks.seconds { _ = try Shell.run(program, arguments, limit: 300) })
      }
      let time = Benchmarks.median(times)
      Benchmarks.row(
        name,
        [
          Benchmarks.fixed(time), Benchmarks.fixed(Double(contacts) / time, 0),
          Benchmarks.fixed(Double(bytes) / time / 1e6, 1),
        ])
    }
    if let wc = Shell.find("wc") { try measure("wc -l", wc, ["-l", file]) }
    try measure("nightmail validate", Benchmarks.nightmail, ["validate", "--project", project.path])
    try measure(
      "nightmail plan", Benchmarks.nightmail, ["plan", "--rehearse", "--date", "2026-11-23", "--project", project.path])
  }
}
