import Config

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
