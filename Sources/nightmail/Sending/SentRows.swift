import Journal
import Model
import Reporting

extension Workspace {
  /// Makes a day's files of `on_sent` anew, and says what they lack.
  func rebuild(_ files: SentFiles, _ day: DayFolder) throws {
    let lost = try files.rebuild(day)
    if lost > 0 {
      log.warning(
        "\(day.date): \(Words.count(lost, "send")) left no row of on_sent, since no plan of the day has their lines any more"
      )
    }
  }

  /// Brings the files of `on_sent` up to date where an earlier run was cut off before it could, and goes on with this
  /// day's. Nil where no campaign asks for them, and for shards: they share the files, and each makes them anew at its
  /// end; at its beginning too, since only files that are there can be seen to be behind.
  func sentRows(_ project: Project, _ today: DayFolder, _ share: RunShare) throws -> SentRowsWriter? {
    let files = SentFiles(project.campaigns, zone: project.settings.zone)
    guard !files.isEmpty else { return nil }
    for day in try output.days() where day != today {
      // Whoever works on that day brings its files up to date by itself.
      guard try files.isBehind(day), let lock = try? lock(day.lockPath, purpose: "on_sent") else { continue }
      defer { lock.release() }
      try rebuild(files, day)
    }
    guard share.shard != nil else { return try SentRowsWriter(files, today) }
    _ = try share.inTurn(self) { try files.rebuild(today) }
    return nil
  }
}
