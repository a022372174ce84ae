import Foundation
import Journal
import Model
import Reporting
import Transports

/// What `doctor` finds out without a network: the project's files, time, the output, the disk, locks, the history's name.
struct MachineCheck {
  private let workspace: Workspace
  private var output: OutputFolder { workspace.output }

  init(_ workspace: Workspace) { self.workspace = workspace }

  /// The project, where it can be read at all.
  func project(_ checkup: inout Checkup) -> Project? {
    guard FileManager.default.fileExists(atPath: workspace.folder + "/campaigns") else {
      checkup.add(
        .fail, "project", "\(workspace.folder) has no campaigns/ folder",
        "name the project with --project, or make one with nightmail init")
      return nil
    }
    let (project, findings) = workspace.findings(keepGoing: true)
    let errors = findings.count { $0.severity == .error }
    let first = findings.first { $0.severity == .error }.map { ", the first at \($0.place): \($0.message)" } ?? ""
    guard let project else {
      checkup.add(
        .fail, "project", Words.count(errors, "error") + first,
        "see nightmail validate; providers and keys are looked at once the files can be read")
      return nil
    }
    let size = [
      Words.count(project.campaigns.count, "campaign"), Words.count(project.mailboxes.count, "mailbox", "mailboxes"),
      Words.count(project.providers.count, "provider"),
    ].joined(separator: ", ")
    if errors > 0 {
      checkup.add(.fail, "project", "\(size); \(Words.count(errors, "error"))\(first)", "see nightmail validate")
    } else if !findings.isEmpty {
      checkup.add(.warn, "project", "\(size); \(Words.count(findings.count, "warning"))", "see nightmail validate")
    } else {
      checkup.add(.ok, "project", size)
    }
    return project
  }

  /// Zone data, and whether the system keeps its clock; by how much it is wrong, services over HTTP tell.
  func time(_ project: Project?, _ checkup: inout Checkup) {
    let version = Zone.dataVersion
    let year = Int(version.prefix(4)) ?? 0
    let now = Zone.utc.day(of: Workspace.now()).components.year
    // Summer and winter differ there by law: where they do not, the data is not what it claims.
    let works = Zone("Europe/Berlin").map { zone in
      zone.offset(at: Instant(seconds: 1_768_000_000)) == 3600
        && zone.offset(at: Instant(seconds: 1_783_000_000)) == 7200
    }
    if works != true {
      checkup.add(.fail, "time zones", "the data is missing or broken", "install the system's tzdata")
    } else if year > 0, now - year >= 2 {
      checkup.add(
        .warn, "time zones", "the data is of \(version)",
        "update the system's tzdata: rules for clocks change every year")
    } else {
      checkup.add(
        .ok, "time zones", "data \(version)\(project.map { ", the project in \($0.settings.zone.identifier)" } ?? "")")
    }
    switch SystemClock.isKept {
    case true: checkup.add(.ok, "clock", "kept by the system")
    case false:
      checkup.add(
        .warn, "clock", "the system does not say that it keeps its clock right",
        "run an NTP service such as chrony or systemd-timesyncd; in a container the host's counts")
    case nil: checkup.add(.ok, "clock", "the system does not tell whether it is kept right")
    }
  }

  /// Everything in it is personal data: for nobody but whoever runs Nightmail.
  func output(_ checkup: inout Checkup) {
    guard FileManager.default.fileExists(atPath: output.path) else {
      let above = URL(filePath: output.path).deletingLastPathComponent().path
      if FileManager.default.isWritableFile(atPath: above) {
        checkup.add(.ok, "output", "\(output.path) will be made by the first plan")
      } else {
        checkup.add(
          .fail, "output", "\(output.path) cannot be made", "give whoever runs nightmail the right to \(above)")
      }
      return
    }
    guard FileManager.default.isWritableFile(atPath: output.path) else {
      checkup.add(
        .fail, "output", "\(output.path) cannot be written to", "run as its owner, or name another with --output")
      return
    }
    let open = openToOthers()
    guard let first = open.first else {
      return checkup.add(.ok, "output", "\(output.path), for its owner alone")
    }
    checkup.add(
      .fail, "output",
      "\(Words.count(open.count, "file or folder", "files and folders")) can be read by others, such as \(first)",
      "chmod -R go= \(output.path)")
  }

  /// Days' folders and what lies directly in them; messages in an outbox are behind their folder's.
  private func openToOthers() -> [String] {
    let files = FileManager.default
    // The output's own folder keeps others out of all of it.
    if Self.mode(output.path).map({ $0 & 0o077 == 0 }) == true { return [] }
    var open = [output.path]
    for name in ((try? files.contentsOfDirectory(atPath: output.path)) ?? []).sorted() {
      let path = "\(output.path)/\(name)"
      let inside = (try? files.contentsOfDirectory(atPath: path)) ?? []
      for one in [path] + inside.sorted().map({ "\(path)/\($0)" }) {
        if let mode = Self.mode(one), mode & 0o077 != 0 { open.append(one) }
      }
    }
    return open
  }

  static func mode(_ path: String) -> Int? {
    (try? FileManager.default.attributesOfItem(atPath: path))?[.posixPermissions].flatMap {
      ($0 as? NSNumber)?.intValue
    }
  }

  func disk(_ checkup: inout Checkup) {
    var place = output.path
    while !FileManager.default.fileExists(atPath: place), place.count > 1 {
      place = URL(filePath: place).deletingLastPathComponent().path
    }
    guard let system = try? FileManager.default.attributesOfFileSystem(forPath: place),
      let free = (system[.systemFreeSize] as? NSNumber)?.int64Value
    else { return checkup.add(.warn, "disk", "the system does not tell how much room there is at \(place)") }
    let nodes = (system[.systemFreeNodes] as? NSNumber)?.int64Value
    let room = "\(free >> 20 >= 10_240 ? "\(free >> 30) GiB" : "\(free >> 20) MiB") free at \(place)"
    // A day of 100,000 sends writes some 150 MB of plan and results.
    if free < 64 << 20 || nodes.map({ $0 > 0 && $0 < 1000 }) == true {
      checkup.add(.fail, "disk", room, "make room: a run that cannot write its results stops")
    } else if free < 1 << 30 {
      checkup.add(.warn, "disk", room, "make room: a thousand sends take about 2 MB, and their messages more")
    } else {
      checkup.add(.ok, "disk", room)
    }
  }

  /// The kernel lets go of a lock when its process ends; what is held by a process that is not here is somebody else's.
  func locks(_ checkup: inout Checkup) {
    do {
      guard try Lock.isHeld(output.sendLockPath) else { return checkup.add(.ok, "lock", "no run is under way") }
      let bytes = try AtomicFile.read(output.sendLockPath) ?? []
      let holder = try? JSON(parsing: bytes.prefix { $0 != 0x0A })
      guard let pid = holder?["pid"]?.integer.flatMap({ Int32(exactly: $0) }), pid > 0 else {
        return checkup.add(.ok, "lock", "runs of shards are under way")
      }
      let since = holder?["since"]?.string ?? "?"
      if kill(pid, 0) == 0 || errno == EPERM {
        checkup.add(.ok, "lock", "a run is under way (pid \(pid), since \(since))")
      } else {
        checkup.add(
          .warn, "lock", "held by pid \(pid) since \(since), which does not run on this machine",
          "look for it on the other machines of this output; a network file system may hold a dead machine's lock "
            + "until it is told that the machine is gone")
      }
    } catch {
      checkup.add(.fail, "lock", "\(error)", "see to the file")
    }
  }

  func history(_ checkup: inout Checkup) {
    do {
      switch try HistoryIdentity.check(project: workspace.folder, output: output) {
      case .none: checkup.add(.ok, "history", "nothing has been sent for real yet")
      case .matches(let id): checkup.add(.ok, "history", "\(id.prefix(8))… here and in data/history.id")
      case .unrecorded(let id):
        checkup.add(
          .warn, "history", "data/history.id is missing; the output holds \(id.prefix(8))…",
          "restore it from git; the next send writes it again otherwise, and it belongs into git")
      case .lost(let reason): checkup.add(.fail, "history", reason)
      }
    } catch {
      checkup.add(.fail, "history", "\(error)")
    }
  }

  func pauses(_ project: Project, _ checkup: inout Checkup) {
    do {
      let pauses = try workspace.pauses(project)
      for entry in pauses.entries { checkup.add(.warn, "paused", PauseReport.line(entry, zone: project.settings.zone)) }
    } catch {
      checkup.add(.fail, "paused", "\(error)")
    }
  }

  /// Files that hold secrets: keys, passwords, client certificates.
  func keyFiles(_ project: Project, _ checkup: inout Checkup) {
    var paths = Set(project.mailboxes.flatMap { $0.dkim.map(\.keyFile) })
    for provider in project.providers {
      var secrets: [SecretReference] = []
      switch provider.kind {
      case .smtp(let smtp):
        secrets = [smtp.password, smtp.token].compactMap { $0 }
        if let client = smtp.clientCertificate { paths.insert(client.key ?? client.certificate) }
      case .http(let http):
        secrets = http.service.credentials
        if let client = http.clientCertificate { paths.insert(client.key ?? client.certificate) }
      case .file: break
      }
      for case .file(let path) in secrets { paths.insert(path) }
    }
    // A name with {{mailbox.id}} in it is many files; each is looked at by whoever reads it.
    let open = paths.filter { !$0.contains("{{") }.sorted().filter { path in
      let mode = Self.mode(path.hasPrefix("/") ? path : workspace.folder + "/" + path)
      return mode.map { $0 & 0o077 != 0 } ?? false
    }
    for path in open {
      checkup.add(.warn, "key file", "\(path) can be read by others", "chmod 600 \(path)")
    }
    if open.isEmpty, !paths.isEmpty {
      checkup.add(.ok, "key files", "\(Words.count(paths.count, "file")), none open to others")
    }
  }
}
