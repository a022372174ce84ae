import Foundation
import Model
import TestSupport

/// Delivery with a durable journal, each beside a peer of the same run.
enum DeliveryBenchmark {
  enum Part: String, CaseIterable { case small, large, latency, hung, webhook }

  static func run(_ part: Part) throws {
    switch part {
    case .small: try toSink(20_000, kilobytes: 2, runs: 5)
    case .large: try toSink(5000, kilobytes: 100, runs: 3)
    case .latency: try latency()
    case .hung: try hungServer()
    case .webhook: try WebhookBenchmark.run()
    }
  }

  /// Over 20 connections, beside Postfix's own load generator `smtp-source -d -s 20` to the same sink.
  ///
  /// KumoMTA publishes 2.7 million messages of 100 KB an hour on two CPUs, its own sink elsewhere: 750 a second
  /// (https://docs.kumomta.com/userguide/installation/sizing/).
  private static func toSink(_ count: Int, kilobytes: Int, runs: Int) throws {
    guard Shell.find("smtp-sink") != nil, let source = Shell.find("smtp-source") else {
      return print("\ndelivery: needs smtp-sink and smtp-source (Debian: postfix)")
    }
    let sink = try Sink()
    defer { sink.stop() }
    let project = try DeliveryProject.make(
      contacts: count, mailboxes: 20, servers: [.init(port: sink.port, connections: 20)], kilobytes: kilobytes)
    print("\ndelivery: \(count) messages of \(kilobytes) KB, 20 connections; median of \(runs)\n")
    Benchmarks.row("", ["messages/s", "of the peer", "CPU us each"])
    let peer = Program(
      path: source,
      arguments: ["-d", "-s", "20", "-l", String(kilobytes << 10), "-m", String(count), "127.0.0.1:\(sink.port)"])
    let send = try project.program("send", ["--json"])
    let scores = try Contest(entries: [
      .init(name: "peer", program: peer), .init(name: "send", program: send, prepare: project.plan),
    ]).run(runs)
    guard let theirs = scores["peer"], let ours = scores["send"] else { return }
    let loops = ours.outputs.compactMap { DeliveryProject.rate($0) }
    func row(_ name: String, _ rate: Double, _ cpu: Double?) {
      let cells = [Benchmarks.fixed(rate, 0), Benchmarks.fixed(rate / (Double(count) / theirs.wall))]
      Benchmarks.row(name, cells + [cpu.map { Benchmarks.fixed($0 / Double(count) * 1e6, 0) } ?? ""])
    }
    row("smtp-source -d -s 20", Double(count) / theirs.wall, theirs.cpu)
    row("nightmail send, delivering", Benchmarks.median(loops), nil)
    row("nightmail send, the whole command", Double(count) / ours.wall, ours.cpu)
  }

  /// A server that answers each flight 50 ms after it has come. Two round trips a message allow 200 connections 2,000
  /// messages a second.
  private static func latency() throws {
    let server = try FlightServer(milliseconds: 50)
    defer { server.stop() }
    let project = try DeliveryProject.make(
      contacts: 20_000, mailboxes: 20, servers: [.init(port: server.port, connections: 200)])
    print("\ndelivery: 20000 messages of 2 KB, 200 connections, 50 ms from a flight to its answer; median of 3\n")
    Benchmarks.row("", ["messages/s", "of 2000/s"])
    let send = try project.program("send", ["--json"])
    guard let ours = try Contest(entries: [.init(name: "send", program: send, prepare: project.plan)]).run(3)["send"]
    else { return }
    let rate = Benchmarks.median(ours.outputs.compactMap { DeliveryProject.rate($0) })
    Benchmarks.row("nightmail send, delivering", [Benchmarks.fixed(rate, 0), Benchmarks.fixed(rate / 2000)])
  }

  /// Three servers with mailboxes of their own: the first two beside a third that is well, and beside one that takes
  /// connections and never says a word.
  private static func hungServer() throws {
    print("\ndelivery: 3 servers of 20 ms, 10 connections each, 3000 messages to each; median of 3\n")
    Benchmarks.row("", ["the two's s"])
    for hangs in [false, true] {
      let servers = try (0..<3).map { try FlightServer(milliseconds: 20, hangs: hangs && $0 == 2) }
      defer { for server in servers { server.stop() } }
      let project = try DeliveryProject.make(
        contacts: 9000, mailboxes: 3, servers: servers.map { .init(port: $0.port, connections: 10) }, isDueNow: true)
      var times: [Double] = []
      for _ in 0..<3 {
        // A history that is gone is asked for, unless the project forgets that it had one.
        for path in ["output", "data/history.id"] {
          try? FileManager.default.removeItem(atPath: project.folder.file(path))
        }
        for server in servers { server.forget() }
        let send = try RunningProgram(
          Benchmarks.nightmail, ["run", "--auto-approve", "--project", project.folder.path, "--grace", "1s"])
        let began = ContinuousClock.now
        while servers[0].taken < 3000 || servers[1].taken < 3000, ContinuousClock.now - began < .seconds(120) {
          usleep(2000)
        }
        let ends = servers[..<2].compactMap(\.lastAt)
        let starts = servers[..<2].compactMap(\.firstAt)
        if let start = starts.min(), let end = ends.max() {
          let took = (end - start).components
          times.append(Double(took.seconds) + Double(took.attoseconds) / 1e18)
        }
        send.stop()
      }
      Benchmarks.row(hangs ? "the third hangs" : "the third is well", [Benchmarks.fixed(Benchmarks.median(times))])
    }
  }
}

/// Postfix's `smtp-sink`, which takes everything and keeps nothing.
private struct Sink {
  let port = LoopbackPort.free()
  private let server: RunningProgram

  init() throws {
    let user = getuid() == 0 ? ["-u", "nobody"] : []
    server = try RunningProgram("smtp-sink", user + ["127.0.0.1:\(port)", "1000"])
    guard LoopbackPort.waitUntilOpen(port) else { throw CocoaError(.executableNotLoadable) }
  }

  func stop() { server.stop() }
}

/// A project whose one plan is due at once, so that nothing but servers and disk sets the pace.
struct DeliveryProject {
  struct Server {
    var port: Int
    var connections: Int
  }

  let folder: TemporaryFolder
  static let date = "2026-11-23"

  /// - Parameters:
  ///   - servers: mailboxes are dealt to them in turn.
  ///   - kilobytes: the size of a message.
  ///   - isDueNow: message rows that are due as soon as they are planned, for runs by the real clock.
  static func make(
    contacts: Int, mailboxes: Int, servers: [Server], kilobytes: Int = 2, isDueNow: Bool = false
  ) throws -> DeliveryProject {
    let folder = try TemporaryFolder()
    let line = "Two kilobytes of text are what a letter with a signature and a quotation come to.\n"
    let body = String(repeating: line, count: (kilobytes * 1024 - 300) / line.utf8.count)
    try folder.write(
      "timezone: Europe/Berlin\nseed: 7\napproval: optional\nretry: {attempts: 3, backoff: 1s, max_backoff: 5s}\n",
      to: "campaigns/settings.yaml")
    try folder.write(
      "Hello {{first_name}},\n\n{{company}} is growing.\n" + body + "\nAnna\n", to: "campaigns/letter/letter.txt")
    let audience =
      isDueNow
      ? "class: transactional\naudience: {messages: [messages.csv], key: [email]}\n"
      : "audience: {contacts: [contacts.csv]}\nwindow: daily 10:00-10:05 project\n"
    try folder.write(
      "status: active\nmailboxes: {tag: letters}\n" + audience
        + "steps:\n  - {id: letter, subject: \"{{first_name}}, a question about {{company}}\", text: letter.txt}\n",
      to: "campaigns/letter/campaign.yaml")
    // Rows of a batch name their mailbox; contacts are dealt out by load.
    var rows = isDueNow ? "email,first_name,company,from\n" : "email,first_name,company\n"
    for i in 0..<contacts {
      rows += "user\(i)@dom\(i % 20_000).example,Ada,Company \(i % 50_000)"
      rows += isDueNow ? ",mb\(i % mailboxes)\n" : "\n"
    }
    try folder.write(rows, to: isDueNow ? "data/messages.csv" : "data/contacts.csv")
    var boxes = "id,from,providers,tags\n"
    for i in 0..<mailboxes { boxes += "mb\(i),Anna \(i) <anna\(i)@sender.example>,s\(i % servers.count),letters\n" }
    try folder.write(boxes, to: "data/mailboxes.csv")
    var providers = ""
    for (i, server) in servers.enumerated() {
      providers +=
        "- {id: s\(i), type: smtp, host: 127.0.0.1, port: \(server.port), tls: none, "
        + "max_connections: \(server.connections), messages_per_connection: 100000}\n"
    }
    try folder.write(providers, to: "data/providers.yaml")
    return DeliveryProject(folder: folder)
  }

  func program(_ command: String, _ options: [String]) throws -> Program {
    Program(
      path: Benchmarks.nightmail,
      arguments: [command, Self.date, "--rehearse", "--project", folder.path] + options)
  }

  /// The plan made anew, with nothing sent of it.
  func plan() throws {
    try? FileManager.default.removeItem(atPath: folder.file("output"))
    _ = try Shell.run(
      Benchmarks.nightmail, ["plan", "--date", Self.date, "--rehearse", "--project", folder.path], limit: 300)
  }

  /// Messages a second while delivering, from what `send --json` printed.
  static func rate(_ output: String) -> Double? {
    guard let result = try? JSON(parsing: output), let sent = result["sent"]?.integer, sent > 0,
      case .number(let seconds) = result["seconds"]
    else { return nil }
    return Double(sent) / seconds
  }
}
