import Model

/// What has changed since a plan was made that makes it stale (DESIGN §4.7).
enum Staleness {
  /// One sentence a file, sorted; empty for a plan that still holds.
  static func changes(of header: PlanHeader, project: Project) -> [String] {
    var changes: [String] = []
    var current: [String: InputFile] = [:]
    for input in project.inputs { current[input.path] = input }
    for (path, digest) in header.inputs {
      if let now = current[path] {
        if now.role.makesStale, now.digest != digest { changes.append("\(path) was changed") }
      } else if path.hasPrefix("campaigns/") || path.hasPrefix("data/mailboxes.") {
        changes.append("\(path) is not used any more")
      }
    }
    // A file that was not there when the plan was made: new settings hold for every line of it.
    for input in project.inputs where input.role == .settings || input.role == .mailboxes {
      if header.inputs[input.path] == nil { changes.append("\(input.path) is new") }
    }
    return changes.sorted()
  }
}
