import Foundation
import Model
import TestSupport

/// 20,000 messages of 2 KB to Postfix's `smtp-sink` over 20 connections, journal durable, beside Postfix's own load
/// generator `smtp-source -d -s 20` in the same run.
enum DeliveryBenchmark {
  static func run() throws {
    guard let sink = Shell.find("smtp-sink"), let source = Shell.find("smtp-source") else {
      print("\ndelivery: needs smtp-sink and smtp-source (Debian: postfix)")
      return
    }
    let count = 20_000
    let port = LoopbackPort.free()
    let user = getuid() == 0 ? ["-u", "nobody"] : []
    let server = try RunningProgram(sink, user + ["127.0.0.1:\(port)", "1000"])
    defer { server.stop() }
    guard LoopbackPort.waitUntilOpen(port) else { return print("\ndelivery: smtp-sink did not start") }
    // One dense hour without gaps, so that nothing but the server and the disk sets the pace.
    let project = try BenchmarkProject.make(
      contacts: count, mailboxes: 20, limit: 5000, gap: "", window: "mon-fri 10:00-11:00 project", port: port)
    print("\ndelivery: \(count) messages of 2 KB, 20 connections; median of 5\n")
    Benchmarks.row("", ["messages/s", "of the peer"])
    var peer: [Double] = []
    var loop: [Double] = []
    var whole: [Double] = []
    for _ in 0..<5 {
      let arguments = ["-d", "-s", "20", "-l", "2048", "-m", String(count), "127.0.0.1:\(port)"]
      peer.append(Double(count) / (try Benchmarks.seconds { _ = try Shell.run(source, arguments) }))
      try? FileManager.default.removeItem(atPath: project.file("output"))
      let common = ["2026-11-23", "--rehearse", "--project", project.path]
      _ = try Shell.run(Benchmarks.nightmail, ["plan", "--date"] + common)
      var output = ""
      let time = try Benchmarks.seconds {
        output = try Shell.run(Benchmarks.nightmail, ["send", "--json"] + common, limit: 300).out
      }
      guard let result = try? JSON(parsing: output), let sent = result["sent"]?.integer, sent > 0,
        case .number(let seconds) = result["seconds"]
      else { return print("delivery failed: \(output)") }
      loop.append(Double(sent) / seconds)
      whole.append(Double(sent) / time)
    }
    func row(_ name: String, _ values: [Double]) {
      let rate = Benchmarks.median(values)
      Benchmarks.row(name, [Benchmarks.fixed(rate, 0), Benchmarks.fixed(rate / Benchmarks.median(peer))])
    }
    row("smtp-source -d -s 20", peer)
    row("nightmail send, delivering", loop)
    row("nightmail send, the whole command", whole)
  }
}
