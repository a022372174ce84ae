import Foundation
import Model
import TestSupport

/// `plan` and `validate` on a large project beside DuckDB, `wc -l` and themselves without a history.
struct PlanBenchmark {
  struct Options {
    var contacts = 1_000_000
    /// One in a thousand contacts where it is nil.
    var mailboxes: Int?
    var runs = 5
    var histories: [BenchmarkHistory] = [.keptUp]
    var isLarge = false
  }

  /// A Monday without a change of clocks.
  static let date = "2026-11-23"

  let contacts: Int
  let mailboxes: Int
  private let options: Options

  init(_ options: Options) {
    self.options = options
    contacts = options.contacts
    mailboxes = options.mailboxes ?? max(3, options.contacts / 1000)
  }

  func run() throws {
    // Contacts, plans and their lists of lines, DuckDB's plan; of each history an intent and an outcome a send.
    guard Machine.hasRoom(contacts * (2500 + 1800 * options.histories.count)) else { return }
    let project = try BenchmarkProject.make(contacts: contacts, mailboxes: mailboxes)
    let file = project.file("data/contacts.csv")
    let bytes = Double((try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0)
    for history in options.histories {
      guard let date = CalendarDay(Self.date) else { continue }
      try history.write(to: project.file(history.rawValue), contacts: contacts, mailboxes: mailboxes, before: date)
    }
    print(
      "\nplan: \(contacts) contacts (\(Benchmarks.fixed(bytes / 1e6, 1)) MB), \(mailboxes) mailboxes; median of"
        + " \(options.runs) after one to warm up, taking turns")
    print(Machine.description(project.path) + "\n")
    let peer = DuckDB.find()
    if peer == nil { print("without DuckDB: needs python3 and `pip install duckdb`\n") }
    let scores = try Contest(entries: entries(project, peer)).run(options.runs)
    report(scores, bytes: bytes)
    if options.isLarge { try runLarge(beside: project) }
  }

  // MARK: Who takes part

  private enum Name {
    static let plan = "nightmail plan"
    static let duckPlan = "DuckDB, 2 threads"
    static let parts = "its parts"
    static let validate = "nightmail validate"
    static let reader = "nightmail's CSV reader, 1 thread"
    static let lines = "wc -l"
    static let duckCount = "DuckDB read_csv, rows, 2 threads"
    static let duckColumns = "DuckDB read_csv, all columns, 2 threads"
    static func rebuilt(_ history: BenchmarkHistory) -> String { "\(history.words), from the results" }
    static func snapshot(_ history: BenchmarkHistory) -> String { "\(history.words), from the snapshot" }
  }

  private func plan(_ project: TemporaryFolder, into output: String) -> Program {
    Program(
      path: Benchmarks.nightmail,
      arguments: [
        "plan", "--json", "--no-html", "--rehearse", "--date", Self.date, "--project", project.path, "--output",
        project.file(output),
      ])
  }

  private func entries(_ project: TemporaryFolder, _ peer: DuckDB?) -> [Contest.Entry] {
    let contactsFile = project.file("data/contacts.csv")
    func remove(_ paths: String...) -> () -> Void {
      { for path in paths { try? FileManager.default.removeItem(atPath: project.file(path)) } }
    }
    var entries = [
      Contest.Entry(name: Name.plan, program: plan(project, into: "alone"), prepare: remove("alone")),
      Contest.Entry(
        name: Name.parts,
        program: Program(path: Benchmarks.itself, arguments: ["parts", project.path, project.file("parts.jsonl")]),
        prepare: remove("parts.jsonl", "parts.lines")),
      Contest.Entry(
        name: Name.validate,
        program: Program(path: Benchmarks.nightmail, arguments: ["validate", "--project", project.path])),
      Contest.Entry(name: Name.reader, program: Program(path: Benchmarks.itself, arguments: ["csv", contactsFile])),
    ]
    if let peer {
      let plan = peer.program(["plan", project.path, project.file("duckdb.jsonl"), "2"])
      entries.insert(Contest.Entry(name: Name.duckPlan, program: plan, prepare: remove("duckdb.jsonl")), at: 1)
      for (name, what) in [(Name.duckCount, "count"), (Name.duckColumns, "columns")] {
        entries.append(Contest.Entry(name: name, program: peer.program([what, contactsFile, "2"])))
      }
    }
    if let wc = Shell.find("wc") {
      entries.append(Contest.Entry(name: Name.lines, program: Program(path: wc, arguments: ["-l", contactsFile])))
    }
    for history in options.histories {
      let output = history.rawValue
      let (day, known) = ("\(output)/rehearsal/\(Self.date)", "\(output)/rehearsal/history")
      let plan = plan(project, into: output)
      // The first makes the snapshot that the second finds.
      entries.append(Contest.Entry(name: Name.rebuilt(history), program: plan, prepare: remove(day, known)))
      entries.append(Contest.Entry(name: Name.snapshot(history), program: plan, prepare: remove(day)))
    }
    return entries
  }

  // MARK: Tables

  private func report(_ scores: [String: Contest.Score], bytes: Double) {
    let duck = scores[Name.duckPlan].map(DuckDB.seconds)
    func row(_ name: String, _ last: (Contest.Score) -> String) {
      guard let score = scores[name] else { return }
      Self.row(name, score, last(score))
    }
    Benchmarks.row("", ["wall s", "from-to", "CPU s", "peak MiB", "of DuckDB"])
    row(Name.plan) { score in duck.map { Benchmarks.fixed(score.wall / $0, 3) } ?? "" }
    row(Name.duckPlan) { _ in "" }
    if let duck {
      Benchmarks.row("  its query alone, without Python's start", [Benchmarks.fixed(duck), "", "", "", "1"])
    }

    if let parts = scores[Name.parts] {
      print("")
      Benchmarks.row("of which, in one process", ["wall s"])
      let seconds = parts.outputs.map { $0.split(separator: "\n").compactMap { Double($0) } }
      for (i, name) in PartsBenchmark.names.enumerated() {
        Benchmarks.row("  " + name, [Benchmarks.fixed(Benchmarks.median(seconds.compactMap { $0.dropFirst(i).first }))])
      }
    }

    print("")
    Benchmarks.row("", ["wall s", "from-to", "CPU s", "peak MiB", "MB/s"])
    func throughput(_ seconds: Double) -> String { Benchmarks.fixed(bytes / seconds / 1e6, 0) }
    for name in [Name.validate, Name.reader, Name.lines, Name.duckCount, Name.duckColumns] {
      row(name) { throughput($0.wall) }
      if name == Name.duckCount || name == Name.duckColumns, let query = scores[name].map(DuckDB.seconds) {
        Benchmarks.row("  its query alone", [Benchmarks.fixed(query), "", "", "", throughput(query)])
      }
    }

    guard let plain = scores[Name.plan] else { return }
    let beside = options.histories.flatMap { [Name.rebuilt($0), Name.snapshot($0)] }
    if !beside.isEmpty {
      print("\n\(contacts) earlier sends in \(BenchmarkHistory.days) days of results")
      Benchmarks.row("", ["wall s", "from-to", "CPU s", "peak MiB", "of without"])
      row(Name.plan) { _ in "1" }
      for name in beside { row(name) { Benchmarks.fixed($0.wall / plain.wall) } }
    }
    print("")
    for name in [Name.plan] + beside {
      if let score = scores[name] { print("\(name): \(Self.totals(score))") }
    }
  }

  private static func row(_ name: String, _ score: Contest.Score, _ last: String) {
    Benchmarks.row(
      name,
      [
        Benchmarks.fixed(score.wall), "\(Benchmarks.fixed(score.fastest))-\(Benchmarks.fixed(score.slowest))",
        Benchmarks.fixed(score.cpu), Benchmarks.fixed(score.peak, 0), last,
      ])
  }

  /// What a plan says of itself: figures of a plan of nothing would prove nothing.
  private static func totals(_ score: Contest.Score) -> String {
    let totals = (try? JSON(parsing: score.output))?["totals"]
    return ["due", "planned", "waiting", "ended"].map { "\(totals?[$0]?.integer ?? 0) \($0)" }.joined(separator: ", ")
  }

  // MARK: Ten times as many

  private func runLarge(beside small: TemporaryFolder) throws {
    guard Machine.hasRoom(contacts * 15_000) else { return }
    let large = try BenchmarkProject.make(contacts: contacts * 10, mailboxes: mailboxes * 10)
    let entries = [("once", small), ("ten times", large)].map { name, project in
      Contest.Entry(name: name, program: plan(project, into: "alone")) {
        try? FileManager.default.removeItem(atPath: project.file("alone"))
      }
    }
    let runs = min(3, options.runs)
    print("\n\(contacts * 10) contacts and \(mailboxes * 10) mailboxes beside a tenth of them; median of \(runs)")
    let scores = try Contest(entries: entries).run(runs)
    guard let one = scores["once"], let ten = scores["ten times"] else { return }
    Benchmarks.row("", ["wall s", "from-to", "CPU s", "peak MiB", ""])
    Self.row("nightmail plan, \(contacts)", one, "")
    Self.row("nightmail plan, \(contacts * 10)", ten, "")
    Benchmarks.row(
      "ten times as many take",
      [
        Benchmarks.fixed(ten.wall / one.wall, 1) + " x", "", Benchmarks.fixed(ten.cpu / one.cpu, 1) + " x",
        Benchmarks.fixed(ten.peak / one.peak, 1) + " x", "",
      ])
    print("nightmail plan, ten times: \(Self.totals(ten))")
  }
}

extension BenchmarkHistory {
  fileprivate var words: String {
    switch self {
    case .keptUp: "plan, all was sent when due"
    case .backlog: "plan, second steps overdue"
    }
  }
}
