import Model

extension ProjectLoader {
  /// Stands for a file that was not there: nothing can be under it.
  public static let absent = "/dev/null/absent"

  /// What messages are made from, and no more: settings, mailboxes and the campaigns with their templates. Audiences are
  /// empty, and contacts, message rows, suppressions, events and providers are not read, so that a plan can be looked at
  /// long after they have changed or gone.
  ///
  /// - Parameters:
  ///   - folder: the project's folder.
  ///   - campaigns: ids of those that are wanted.
  ///   - copies: by their paths in the project, absolute paths of files to read instead, or `absent`.
  /// - Returns: what could be read, and what is wrong with it; `inputs` has each file that was read.
  public static func loadMessages(
    folder: String, campaigns: [String], copies: [String: String] = [:]
  ) -> (project: Project, findings: [Finding]) {
    let files = ProjectFiles(root: folder, copies: copies)
    let shared = Findings()
    let settings = settings(files, shared)
    // Providers are today's affair: which of them a mailbox names does not matter to what its mail says.
    let lists = ListLoader(files: files, findings: Findings())
    let (mailboxes, ids) = lists.mailboxes(settings, providers: ([], []))
    var loaded: [Campaign] = []
    for id in campaigns.sorted() where files.exists("campaigns/\(id)/campaign.yaml") {
      let loader = CampaignLoader(
        id: id, files: files, settings: settings, mailboxes: mailboxes, mailboxIDs: ids, findings: shared)
      if let draft = loader.read() { loaded.append(draft.campaign) }
    }
    let project = Project(
      settings: settings, campaigns: loaded, mailboxes: mailboxes, inputs: files.inputs)
    return (project, Findings.tidy(shared.all))
  }

  /// The settings alone, for who only has to know which day it is.
  public static func settings(folder: String) -> (settings: Settings, findings: [Finding]) {
    let findings = Findings()
    let settings = settings(ProjectFiles(root: folder), findings)
    return (settings, Findings.tidy(findings.all))
  }
}
