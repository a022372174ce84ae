import Delivery
import Foundation
import Model
import TestSupport
import Testing

@testable import Transports

/// A file provider whose folder is a Maildir (https://cr.yp.to/proto/maildir.html).
@Suite struct MaildirTests {
  private func attempt(_ handle: Int, _ folder: TemporaryFolder, text: String = OutgoingAttempt.text) -> OutgoingAttempt
  {
    .make(handle, .file(folder.file("mail"), format: .maildir), message: text)
  }

  @Test func aMessageIsInNewAndNothingIsLeftInTmp() throws {
    let folder = try TemporaryFolder()
    let harness = Harness()
    let reply = harness.send(attempt(1, folder))
    #expect(reply?.ending == .reply(code: 250))
    #expect(reply?.completed == true)
    let names = folder.list("mail/new")
    #expect(names.count == 1)
    #expect(try folder.read("mail/new/\(names[0])") == OutgoingAttempt.text)
    #expect(folder.list("mail/tmp").isEmpty && folder.list("mail/cur").isEmpty)
    #expect(reply?.text == "stored as \(names[0])")
    func mode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: folder.file(path))[.posixPermissions] as? Int
    }
    #expect(try mode("mail/new/\(names[0])") == 0o600)
    for path in ["mail", "mail/tmp", "mail/new", "mail/cur"] { #expect(try mode(path) == 0o700) }
  }

  @Test func everyNameIsNewAndIsOneThatMailProgramsTake() throws {
    let folder = try TemporaryFolder()
    let harness = Harness()
    for handle in 0..<500 { harness.transport.begin(attempt(handle, folder)) }
    #expect(harness.finish(0..<500))
    let names = folder.list("mail/new")
    #expect(Set(names).count == 500)
    // Seconds, what is unique, the host; no colon, since the flags follow one, and no leading dot.
    let shape = /[0-9]{10,}\.M[0-9]+P[0-9]+Q[0-9]+_[0-9a-f]{32}\.[A-Za-z0-9.-]+/
    #expect(names.allSatisfy { $0.wholeMatch(of: shape) != nil }, "\(names.first ?? "")")
  }

  /// A mail program may have taken the file away, so there is nothing to replace.
  @Test func nothingThatIsThereIsEverReplaced() throws {
    let folder = try TemporaryFolder()
    let harness = Harness()
    for text in ["first\r\n", "second\r\n"] {
      #expect(harness.send(attempt(1, folder, text: text))?.ending == .reply(code: 250))
    }
    #expect(try Set(folder.list("mail/new").map { try folder.read("mail/new/\($0)") }) == ["first\r\n", "second\r\n"])
  }

  @Test func aMessageThatCannotBeRenamedIsNotDeliveredAndLeavesNothingBehind() throws {
    let folder = try TemporaryFolder()
    let harness = Harness()
    harness.completesAtOnce = false
    harness.transport.begin(attempt(1, folder))
    #expect(harness.run { harness.ready == [1] })
    try FileManager.default.removeItem(atPath: folder.file("mail/new"))
    try folder.write("a file where the folder was", to: "mail/new")
    harness.transport.complete(1)
    #expect(harness.finish([1]))
    #expect(harness.replies[1]?.ending == .connectionLost)
    #expect(harness.replies[1]?.completed == false)
    #expect(folder.list("mail/tmp").isEmpty)
  }

  @Test func nothingIsWrittenBeforeTheIntentIsOnDisk() throws {
    let folder = try TemporaryFolder()
    let harness = Harness()
    harness.completesAtOnce = false
    harness.transport.begin(attempt(1, folder))
    #expect(harness.run { harness.ready == [1] })
    harness.poll(milliseconds: 0)
    #expect(folder.list("mail/tmp").isEmpty && folder.list("mail/new").isEmpty)
    harness.transport.complete(1)
    #expect(harness.finish([1]))
    #expect(folder.list("mail/new").count == 1)
  }
}
