import Foundation
import TestSupport

/// What one run of a program took.
struct Measured {
  /// Wall-clock seconds from its start to its end.
  var wall: Double
  /// Seconds of all its threads, in the program and in the kernel.
  var cpu: Double
  /// The most memory it had at once, in MiB (`ru_maxrss`, getrusage(2)). Never less than what this program had at most
  /// when it started it: Linux counts from the fork.
  var peak: Double
  /// What it printed on standard output.
  var output: String
}

/// A program to be measured.
struct Program {
  struct Failed: Error, CustomStringConvertible {
    var description: String
  }

  var path: String
  var arguments: [String]

  /// Runs it to its end.
  /// - Parameter watch: called with its process id once it runs.
  /// - Throws: `Failed` with what it printed on standard error, unless it exits with one of `exitCodes`.
  func run(exitCodes: Set<Int32> = [0], watch: (pid_t) -> Void = { _ in }) throws -> Measured {
    let files = try TemporaryFolder(["out": "", "error": ""])
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, files.file("out"), O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, files.file("error"), O_WRONLY, 0)
    let words = ([path] + arguments).map { strdup($0) } + [nil]
    let environment = ProcessInfo.processInfo.environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + environment { free(text) } }

    var pid: pid_t = 0
    var status: Int32 = 0
    var usage = rusage()
    var problem: Int32 = 0
    let wall = Benchmarks.seconds {
      problem = posix_spawn(&pid, path, &actions, nil, words, environment)
      if problem == 0 { watch(pid) }
      while problem == 0, wait4(pid, &status, 0, &usage) < 0 {
        if errno != EINTR { problem = errno }
      }
    }
    guard problem == 0 else { throw Failed(description: "\(path): \(String(cString: strerror(problem)))") }
    // As waitpid(2) packs it: a signal in the low seven bits, the exit code in the byte above.
    guard status & 0x7F == 0, exitCodes.contains(status >> 8 & 0xFF) else {
      throw Failed(description: "\(path) \(arguments.joined(separator: " ")): \(try files.read("error"))")
    }
    return Measured(
      wall: wall, cpu: Self.seconds(usage.ru_utime) + Self.seconds(usage.ru_stime),
      peak: Double(usage.ru_maxrss) / 1024, output: try files.read("out"))
  }

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

  /// The most memory that this program has had so far, in MiB.
  static var ownPeak: Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1024
  }
}

/// Programs that take turns: whatever else the machine does meanwhile, it does to all of them.
struct Contest {
  struct Entry {
    var name: String
    var program: Program
    /// Puts things as they were before the last run; not measured.
    var prepare: () throws -> Void = {}
  }

  /// Medians over the runs.
  struct Score {
    var wall: Double
    var fastest: Double
    var slowest: Double
    var cpu: Double
    var peak: Double
    /// Of the last run.
    var output: String
    /// Each run's.
    var outputs: [String]
  }

  var entries: [Entry]

  /// One round to warm up, which does not count, and so many more.
  func run(_ runs: Int) throws -> [String: Score] {
    var measured: [String: [Measured]] = [:]
    for round in 0...runs {
      for entry in entries {
        try entry.prepare()
        // What the program before has left for the disk is not to be this one's to wait for.
        sync()
        let result = try entry.program.run()
        if round > 0 { measured[entry.name, default: []].append(result) }
      }
    }
    return measured.mapValues { all in
      Score(
        wall: Benchmarks.median(all.map(\.wall)), fastest: all.map(\.wall).min() ?? 0,
        slowest: all.map(\.wall).max() ?? 0, cpu: Benchmarks.median(all.map(\.cpu)),
        peak: Benchmarks.median(all.map(\.peak)), output: all.last?.output ?? "", outputs: all.map(\.output))
    }
  }
}
