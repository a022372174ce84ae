import Foundation
import TestSupport
import Testing

/// Disks that are full or must not be written, as the system has them.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct FullDiskTests {
  /// A file system of its own in a folder, which only root may have.
  private final class SmallDisk {
    let path: String
    init?(_ path: String, size: String) {
      self.path = path
      guard getuid() == 0, Shell.find("mount") != nil,
        (try? Shell.run("mount", ["-t", "tmpfs", "-o", "size=\(size),mode=700", "tmpfs", path]))?.status == 0
      else { return nil }
    }
    deinit { _ = try? Shell.run("umount", ["-l", path]) }
  }

  private static let canMount: Bool = {
    guard let folder = try? TemporaryFolder() else { return false }
    return SmallDisk(folder.path, size: "64k") != nil
  }()

  private func finish(_ project: TestProject, _ server: RecordingServer, _ note: Comment) throws {
    let last = try project.nightmail("send")
    #expect([0, 3].contains(last.status), "\(note): \(last.out)\(last.error)")
    try Reckoning(project, server).reconcile(note)
  }

  @Test(.enabled(if: canMount, "only root may mount a small disk"), arguments: RecordingServer.Wire.allCases)
  func aDiskThatFillsUpStopsItAndWithRoomItGoesOn(_ wire: RecordingServer.Wire) throws {
    let server = try RecordingServer(wire, RecordingServer.Manners(seed: 11, latency: 1))
    var files = Projects.codes(400, through: server)
    files["output/.keep"] = ""
    let project = try TestProject(files)
    let disk = try #require(SmallDisk(project.folder.file("output"), size: "2m"))
    defer { withExtendedLifetime(disk) {} }
    try project.nightmail(expecting: 0, "plan")
    // All but some 100 KiB is taken by somebody else.
    let ballast = project.folder.file("output/ballast")
    try Shell.run("sh", ["-c", "cat /dev/zero > '\(ballast)' 2>/dev/null; truncate -s -100K '\(ballast)'"])
    for _ in 0..<2 {
      let before = server.count
      let run = try project.nightmail("send")
      #expect(run.status == 1, "\(run.out)\(run.error)")
      #expect(run.error.contains("No space left on device; make room on the disk and run again"), "\(run.error)")
      if before == 0 { #expect(run.error.contains(" had been accepted by then"), "\(run.error)") }
      try Reckoning(project, server).nothingIsOutThatWasNotWrittenDown("\(wire), full")
      // The second time there is no room from the beginning.
      #expect(before == 0 ? server.count > 20 && server.count < 300 : server.count - before < 20)
    }
    try FileManager.default.removeItem(atPath: ballast)
    try finish(project, server, "\(wire), room was made")
  }

  @Test(arguments: RecordingServer.Wire.allCases)
  func aLimitOnTheSizeOfFilesStopsItAndWithoutItItGoesOn(_ wire: RecordingServer.Wire) throws {
    let server = try RecordingServer(wire, RecordingServer.Manners(seed: 12, latency: 1))
    let project = try TestProject(Projects.codes(200, through: server))
    try project.nightmail(expecting: 0, "plan")
    let program = try #require(Program.folder) + "/nightmail"
    // Blocks of 512 bytes.
    let run = try Shell.run(
      "sh", ["-c", "ulimit -f 120; exec '\(program)' send"], folder: project.path, environment: Program.environment)
    #expect(run.status == 1, "\(run.status) \(run.out)\(run.error)")
    #expect(run.error.contains("File too large; raise the limit"), "\(run.error)")
    #expect(server.count > 20 && server.count < 180)
    try Reckoning(project, server).nothingIsOutThatWasNotWrittenDown("\(wire), too large")
    try finish(project, server, "\(wire), no limit")
  }

  @Test func aPlanThatIsLargerThanFilesMayBeIsAnErrorAndNotAPlan() throws {
    let project = try TestProject(Projects.codes(200, through: nil))
    let program = try #require(Program.folder) + "/nightmail"
    let run = try Shell.run(
      "sh", ["-c", "ulimit -f 40; exec '\(program)' plan"], folder: project.path, environment: Program.environment)
    #expect(run.status == 1, "\(run.status) \(run.out)\(run.error)")
    #expect(run.error.contains("File too large; raise the limit"), "\(run.error)")
    #expect(!project.folder.exists("output/\(Daytime.today)/plan.jsonl"))
  }

  /// The program as a user whom the modes of files bind: root's rights are laid down.
  private static let plainUser: [String]? = {
    guard let program = Program.folder.map({ $0 + "/nightmail" }) else { return nil }
    if getuid() != 0 { return ["env", program] }
    let command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program]
    let run = try? Shell.run(command[0], Array(command.dropFirst()) + ["--version"], environment: Program.environment)
    return run?.status == 0 ? command : nil
  }()

  @Test(
    .enabled(if: plainUser != nil, "needs a user whom modes bind, and to whom the program is open"),
    arguments: RecordingServer.Wire.allCases)
  func aFolderThatTurnsReadOnlyStopsItAndWithRightsItGoesOn(_ wire: RecordingServer.Wire) throws {
    let server = try RecordingServer(wire, RecordingServer.Manners(seed: 13, latency: 2))
    let project = try TestProject(Projects.codes(200, through: server))
    let command = try #require(Self.plainUser)
    try project.nightmail(expecting: 0, "plan")
    if getuid() == 0 { try Shell.run("chown", ["-R", "65534:65534", project.path]) }
    func allow(_ mode: String) throws {
      try Shell.run("chmod", ["-R", mode, project.folder.file("output/\(Daytime.today)")])
    }
    func begin() throws -> RunningProgram {
      try RunningProgram(
        command[0], Array(command.dropFirst()) + ["send"], folder: project.path, environment: Program.environment)
    }
    // Before it begins: nothing goes out.
    try allow("a-w")
    let early = try begin()
    #expect(early.wait(seconds: 60) == 1, "\(early.output)")
    #expect(early.output.contains("Permission denied; give the user that runs nightmail access"), "\(early.output)")
    #expect(server.count == 0)
    try allow("u+w")
    // While it sends: the results are open, and go on; what is made at the end cannot be.
    let late = try begin()
    try wait(60) { server.count >= 20 || !late.isRunning }
    try allow("a-w")
    #expect(late.wait(seconds: 60) == 1, "\(late.output)")
    #expect(late.output.contains("Permission denied; give the user that runs nightmail access"), "\(late.output)")
    try Reckoning(project, server).nothingIsOutThatWasNotWrittenDown("\(wire), read-only")
    try allow("u+w")
    if getuid() == 0 { try Shell.run("chown", ["-R", "0:0", project.path]) }
    try finish(project, server, "\(wire), rights given")
  }
}
