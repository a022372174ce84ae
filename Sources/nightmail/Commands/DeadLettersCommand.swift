import ArgumentParser
import Journal
import Model
import Reporting

struct DeadLettersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dead-letters", abstract: "Sends that ended unsent, and those in doubt: inspect and settle them.",
    subcommands: [List.self, Show.self, Retry.self, Drop.self, MarkSent.self], defaultSubcommand: List.self)

  /// Which letters a command is about.
  struct Selection: ParsableArguments {
    @Flag(help: "All of them.")
    var all = false
    @Option(
      help: ArgumentHelp(
        "Only those with this reason: rejected, expired, gave-up, in-doubt, render-error.", valueName: "reason"),
      completion: .list(DeadReason.allCases.map(\.rawValue)))
    var reason: String?
    @Option(help: ArgumentHelp("Only this campaign's.", valueName: "id"), completion: Completions.campaigns)
    var campaign: String?
    @Option(
      help: ArgumentHelp("Only this day's; by default every day's.", valueName: "date"), completion: Completions.plans)
    var date: String?
    @Argument(help: ArgumentHelp("Ids, or their first digits.", valueName: "id"), completion: Completions.deadLetters)
    var ids: [String] = []
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "One line for each.")
    @OptionGroup var options: GlobalOptions
    @OptionGroup var rehearsal: RehearsalOptions
    @OptionGroup var selection: Selection

    func run() throws {
      let desk = try Desk(options, rehearsal, selection)
      if options.json { return Console.out(.array(desk.letters.map { desk.json($0.letter) })) }
      guard !desk.letters.isEmpty else { return Console.out("No dead letters.") }
      var table = TextTable(["date", "id", "reason", "attempts", "campaign", "step", "to", "last reply"], numbers: [3])
      for (day, letter) in desk.letters { table.add([day.date.description] + desk.cells(letter)) }
      Console.out(table.text)
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Everything about one.")
    @OptionGroup var options: GlobalOptions
    @OptionGroup var rehearsal: RehearsalOptions
    @OptionGroup var selection: Selection

    func run() throws {
      let desk = try Desk(options, rehearsal, selection)
      for (_, letter) in try desk.chosen() {
        if options.json {
          Console.out(desk.json(letter))
          continue
        }
        Console.out("\(letter.id)  \(letter.reason.rawValue) after \(Words.count(letter.attempts, "attempt"))")
        Console.out(SendStory.line(letter.last, zone: desk.zone))
        if let send = letter.send {
          var line: [UInt8] = []
          PlanCodec.encode(send, zone: desk.zone, to: &line)
          Console.out(String(decoding: line, as: UTF8.self))
        }
      }
    }
  }

  struct Retry: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "retry", abstract: "Makes them due again, under all the rules: the next plan takes them up.")
    @OptionGroup var options: GlobalOptions
    @OptionGroup var rehearsal: RehearsalOptions
    @OptionGroup var selection: Selection

    func run() throws {
      try Desk(options, rehearsal, selection).settle("made due again") { .requeued($0) }
    }
  }

  struct Drop: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "drop", abstract: "Lets them go for good.")
    @OptionGroup var options: GlobalOptions
    @OptionGroup var rehearsal: RehearsalOptions
    @OptionGroup var selection: Selection

    func run() throws {
      try Desk(options, rehearsal, selection).settle("dropped") { .resolved($0, .dropped) }
    }
  }

  struct MarkSent: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "mark-sent", abstract: "Settles sends in doubt that did arrive.")
    @OptionGroup var options: GlobalOptions
    @OptionGroup var rehearsal: RehearsalOptions
    @OptionGroup var selection: Selection

    func run() throws {
      try Desk(options, rehearsal, selection).settle("marked as sent", only: [.inDoubt]) { .resolved($0, .sent) }
    }
  }

  /// The letters a command works on.
  struct Desk {
    let workspace: Workspace
    let selection: Selection
    let zone: Zone
    private let sentFiles: SentFiles
    private(set) var letters: [(day: DayFolder, letter: DeadLetter)] = []

    init(_ options: GlobalOptions, _ rehearsal: RehearsalOptions, _ selection: Selection) throws {
      workspace = Workspace(options, rehearse: rehearsal.rehearse)
      self.selection = selection
      let project = try workspace.load(keepGoing: true)
      zone = project.settings.zone
      sentFiles = SentFiles(project.campaigns, zone: zone)
      if let reason = selection.reason, DeadReason(rawValue: reason) == nil {
        let names = DeadReason.allCases.map(\.rawValue)
        throw Failure(
          .failed,
          "no reason '\(reason)'\(Nearest.hint(reason, among: names)); there are \(names.joined(separator: ", "))")
      }
      var days = try workspace.output.days()
      if let word = selection.date {
        let date = try PlanTarget.date(word, project.settings)
        days = days.filter { $0.date == date }
      }
      for day in days {
        for letter in try DeadLetters.read(day, runIsLive: try day.isLive()) {
          guard selection.reason == nil || letter.reason.rawValue == selection.reason,
            selection.campaign == nil || letter.send?.campaign == selection.campaign,
            selection.ids.isEmpty || selection.ids.contains(where: { letter.id.text.hasPrefix($0.lowercased()) })
          else { continue }
          letters.append((day, letter))
        }
      }
    }

    /// The letters named; a failure if none are, or if an id names none.
    func chosen() throws -> [(day: DayFolder, letter: DeadLetter)] {
      let isNarrowed = selection.reason != nil || selection.campaign != nil || selection.date != nil
      guard selection.all || isNarrowed || !selection.ids.isEmpty else {
        throw Failure(
          .failed, "name ids, or --all, --reason, --campaign or --date; nightmail dead-letters list shows them")
      }
      for id in selection.ids {
        let found = letters.filter { $0.letter.id.text.hasPrefix(id.lowercased()) }
        guard Set(found.map(\.letter.id)).count == 1 else {
          throw Failure(
            .failed, found.isEmpty ? "no dead letter '\(id)'" : "'\(id)' begins \(found.count) ids; give more digits")
        }
      }
      return letters
    }

    func settle(
      _ done: String, only reasons: Set<DeadReason> = Set(DeadReason.allCases), _ record: (Record.Note) -> Record
    ) throws {
      let chosen = try chosen()
      if let wrong = chosen.first(where: { !reasons.contains($0.letter.reason) }) {
        throw Failure(
          .failed, "\(wrong.letter.id) is \(wrong.letter.reason.rawValue): only sends in doubt can be marked as sent")
      }
      for day in Set(chosen.map(\.day)).sorted(by: { $0.date < $1.date }) {
        let lock = try workspace.lockInTurn(day, purpose: "dead-letters")
        defer { lock.release() }
        // Under the lock the letters are read again: a run may have ended in between.
        let current = Set(try DeadLetters.read(day).map(\.id))
        let results = try ResultsWriter(path: day.resultsPath)
        for (_, letter) in chosen.filter({ $0.day == day && current.contains($0.letter.id) }) {
          guard let note = letter.last.note(at: Workspace.now(), by: Workspace.userName) else { continue }
          results.append(record(note))
        }
        try results.commit()
        try results.close()
        _ = try DeadLetters.rebuild(day, zone: zone)
        try workspace.rebuild(sentFiles, day)
      }
      if workspace.options.json {
        return Console.out(.members(("settled", .array(chosen.map { .string($0.letter.id.text) }))))
      }
      Console.out("\(Words.count(chosen.count, "send")) \(done).")
    }

    func cells(_ letter: DeadLetter) -> [String] {
      var response = ""
      if case .outcome(_, let result) = letter.last { response = result.response }
      return [
        letter.id.text, letter.reason.rawValue, String(letter.attempts), letter.send?.campaign ?? "",
        letter.send?.step ?? "", letter.send?.to ?? "", response,
      ]
    }

    func json(_ letter: DeadLetter) -> JSON {
      var response: String?
      if case .outcome(_, let result) = letter.last { response = result.response }
      return .members(
        ("id", .string(letter.id.text)), ("reason", .string(letter.reason.rawValue)),
        ("attempts", .integer(Int64(letter.attempts))), ("campaign", letter.send.map { .string($0.campaign) }),
        ("step", letter.send.map { .string($0.step) }), ("contact", letter.send.map { .string($0.contact) }),
        ("to", letter.send.map { .string($0.to) }), ("response", response.map(JSON.string)))
    }
  }
}

extension Record {
  /// A note about the same send.
  fileprivate func note(at: Instant, by: String) -> Record.Note? {
    switch self {
    case .intent(let a), .outcome(let a, _):
      return Record.Note(
        id: a.id, at: at, campaign: a.campaign, step: a.step, key: a.key, contact: a.contact, channel: a.channel,
        to: a.to, mailbox: a.mailbox, expiresAt: a.expiresAt, by: by)
    case .released(var note, _), .withdrawn(var note), .requeued(var note), .resolved(var note, _):
      note.at = at
      note.by = by
      return note
    case .run: return nil
    }
  }
}
