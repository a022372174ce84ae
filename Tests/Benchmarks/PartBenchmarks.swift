import Config
import Foundation
import Journal
import Messages
import Model
import Planning
import TestSupport

/// The CSV reader alone: every record of a file found and cut into its fields, on one thread, with the digest that
/// `plan` takes of every input. Runs in a process of its own (`Benchmarks csv FILE`), to be measured as the others are.
enum ReaderBenchmark {
  static func read(_ path: String) throws {
    var reader = try CSVReader(path: path)
    var (records, fields) = (0, 0)
    while try reader.next() {
      records += 1
      fields += reader.count
    }
    print("\(records) records, \(fields) fields")
  }
}

/// The three parts of `plan` one after the other, each timed: `Benchmarks parts PROJECT FILE`. Prints their seconds.
enum PartsBenchmark {
  static let names = ["reading, hashing and checking", "deciding, allocating, slots", "writing, digests, sync"]

  static func run(_ folder: String, _ date: CalendarDay, into path: String) throws {
    let engine = TemplateEngine()
    var project: Project?
    let reading = Benchmarks.seconds {
      project = ProjectLoader.load(folder: folder).0
      if let project { _ = MessageFindings.check(project: project, engine: engine) }
    }
    guard let project else { throw Program.Failed(description: "\(folder) has findings") }
    var plan: Plan?
    let planning = Benchmarks.seconds {
      plan = Planner.plan(
        project: project, history: History(), date: date, notBefore: .distantPast, renderer: engine)
    }
    let writing = try Benchmarks.seconds { if let plan { try PlanFile.write(plan, toFile: path) } }
    print([reading, planning, writing].map { Benchmarks.fixed($0, 3) }.joined(separator: "\n"))
  }
}
