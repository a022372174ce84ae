import Model

/// The findings of one reading, gathered as they are met, so that all of them are reported at once.
final class Findings {
  private(set) var all: [Finding] = []

  func add(_ finding: Finding) { all.append(finding) }
  func add(_ findings: [Finding]) { all += findings }
  func error(_ place: Place, _ message: String) { all.append(.error(place, message)) }
  func warning(_ place: Place, _ message: String) { all.append(.warning(place, message)) }

  var hasErrors: Bool { all.contains { $0.severity == .error } }

  /// Sorted by place, identical ones once: an alias read twice is one mistake.
  static func tidy(_ findings: [Finding]) -> [Finding] {
    var seen: Set<Finding> = []
    return findings.filter { seen.insert($0).inserted }.sorted {
      ($0.place, $0.severity.rawValue, $0.message) < ($1.place, $1.severity.rawValue, $1.message)
    }
  }
}
