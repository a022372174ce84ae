import Model

/// Names in templates that nothing can give a value: every send of such a step would be skipped, `missing-variable`.
public enum UnknownVariables {
  /// Warnings, by place. Campaigns of message rows are left out: the next file may bring the column.
  public static func check(project: Project, engine: TemplateEngine) -> [Finding] {
    guard !project.contacts.isEmpty else { return [] }
    var findings: Set<Finding> = []
    for campaign in project.campaigns {
      guard case .contacts = campaign.audience else { continue }
      let mailboxes = project.mailboxes(of: campaign)
      let given = Set(mailboxes.flatMap(\.vars.keys) + campaign.vars.filter { !$0.value.isBlank }.keys)
      for step in campaign.steps {
        for template in step.variants.flatMap(\.templates) {
          let (needs, problems) = engine.inspect(template)
          guard problems.isEmpty else { continue }
          for name in needs.required
          where !isBuiltIn(name) && !given.contains(name) && project.contacts.column(name) == nil {
            findings.insert(
              .warning(
                engine.places(in: template)[name] ?? template.place,
                "no contacts file has a column '\(name)', and neither campaign nor mailbox has such a variable: nobody gets "
                  + "step '\(step.id)'" + Nearest.hint(name, among: project.contacts.columns + given.sorted())))
          }
        }
      }
    }
    return findings.sorted { ($0.place, $0.message) < ($1.place, $1.message) }
  }

  private static func isBuiltIn(_ name: String) -> Bool {
    name == "send_id" || name == "unsubscribe_url" || name.hasPrefix(TemplateEngine.mailboxPrefix)
  }
}
