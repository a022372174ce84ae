import Foundation

/// Takes out of what commands print whatever differs from run to run: where the project is, the wall clock, ids of
/// runs and processes, digests of what holds them. Scenarios play in 2025, so a later time is the wall clock's.
enum Masking {
  private static let rules: [(pattern: String, replacement: String)] = [
    (#"20(2[6-9]|[3-9][0-9])-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})"#, "NOW"),
    (#"sha256:[0-9a-f]{12,64}"#, "sha256:DIGEST"),
    (#"sha256 is [0-9a-f]{64}"#, "sha256 is DIGEST"),
    (#""run":"[0-9a-f]{16}""#, #""run":"RUN""#),
    (#"  run [0-9a-f]{16}"#, "  run RUN"),
    (#""pid":[0-9]+"#, #""pid":PID"#),
    (#""ms":[0-9]+"#, #""ms":MS"#),
    (#""host":"[^"]*""#, #""host":"HOST""#),
    (#""tzdata":"[^"]*""#, #""tzdata":"TZDATA""#),
  ]

  static func mask(_ text: String, project: String) -> String {
    var text = text.replacing(project, with: "PROJECT")
    for rule in rules {
      text = text.replacingOccurrences(of: rule.pattern, with: rule.replacement, options: .regularExpression)
    }
    return text
  }
}
