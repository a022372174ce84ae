import Delivery
import Foundation
import Model
import TestSupport
import Testing

@testable import Transports

/// The contract's part that holds for folders too.
@Suite struct FileTests {
  private func name(_ attempt: OutgoingAttempt) -> String {
    attempt.sendID.text + (attempt.channel == .sms ? ".txt" : ".eml")
  }

  @Test func aMessageBecomesAFileThatOnlyItsOwnerReads() throws {
    let folder = try TemporaryFolder()
    let harness = Harness()
    let attempt = OutgoingAttempt.make(1, .file(folder.file("a/b/outbox")))
    let reply = harness.send(attempt)
    #expect(reply?.ending == .reply(code: 250))
    #expect(reply?.completed == true)
    #expect(harness.ready == [1])
    #expect(folder.list("a/b/outbox") == [name(attempt)])
    #expect(try folder.read("a/b/outbox/\(name(attempt))") == OutgoingAttempt.text)
    func mode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: folder.file(path))[.posixPermissions] as? Int
    }
    #expect(try mode("a/b/outbox/\(name(attempt))") == 0o600)
    #expect(try mode("a/b/outbox") == 0o700)
    #expect(try mode("a") == 0o700)
  }

  @Test func nothingIsWrittenBeforeTheIntentIsOnDisk() throws {
    let folder = try TemporaryFolder()
    let harness = Harness()
    harness.completesAtOnce = false
    harness.transport.begin(.make(1, .file(folder.path)))
    #expect(harness.run { harness.ready == [1] })
    harness.poll(milliseconds: 0)
    #expect(folder.list().isEmpty)
    harness.transport.complete(1)
    #expect(harness.finish([1]))
    #expect(folder.list().count == 1)
  }

  @Test func aTextMessageBecomesATextFile() throws {
    let folder = try TemporaryFolder()
    let harness = Harness()
    let attempt = OutgoingAttempt.make(
      1, .file(folder.path), to: "+491701234567", message: "Your code is 4711", channel: .sms)
    #expect(harness.send(attempt)?.ending == .reply(code: 250))
    #expect(folder.list() == [name(attempt)])
    #expect(try folder.read(name(attempt)) == "Your code is 4711")
  }

  @Test func theSameSendAgainReplacesItsFile() throws {
    let folder = try TemporaryFolder()
    let harness = Harness()
    for text in ["first\r\n", "second\r\n"] {
      #expect(harness.send(.make(1, .file(folder.path), message: text))?.ending == .reply(code: 250))
    }
    #expect(folder.list().count == 1)
    #expect(try folder.read(folder.list()[0]) == "second\r\n")
  }

  @Test func aFolderThatCannotBeGivesBackAllThatWaited() throws {
    let folder = try TemporaryFolder(["taken": "a file"])
    let harness = Harness()
    for handle in 1...3 { harness.transport.begin(.make(handle, .file(folder.file("taken/outbox")))) }
    harness.transport.begin(.make(4, .file(folder.file("fine"))))
    #expect(harness.finish(1...4))
    #expect(harness.unavailable.map(\.returned) == [[1, 2, 3]])
    #expect(harness.unavailable.first?.1.text.contains(folder.file("taken/outbox")) == true)
    #expect(harness.replies[4]?.ending == .reply(code: 250))
  }

  @Test func aFileThatCannotBeWrittenIsNotDelivered() throws {
    let folder = try TemporaryFolder()
    let harness = Harness()
    harness.completesAtOnce = false
    let attempt = OutgoingAttempt.make(1, .file(folder.file("outbox")))
    harness.transport.begin(attempt)
    #expect(harness.run { harness.ready == [1] })
    // A folder where the file should go.
    try folder.write("x", to: "outbox/\(name(attempt))/inside")
    harness.transport.complete(1)
    #expect(harness.finish([1]))
    #expect(harness.replies[1]?.ending == .connectionLost)
    #expect(harness.replies[1]?.completed == false)
    #expect(folder.list("outbox") == [name(attempt)])
  }

  @Test func aFolderThatWasTakenAwayIsMadeAgain() throws {
    let folder = try TemporaryFolder()
    let harness = Harness()
    #expect(harness.send(.make(1, .file(folder.file("outbox"))))?.ending == .reply(code: 250))
    try FileManager.default.removeItem(atPath: folder.file("outbox"))
    #expect(harness.send(.make(2, .file(folder.file("outbox"))))?.ending == .reply(code: 250))
    #expect(folder.list("outbox").count == 1)
  }

  @Test func aThousandFilesAreAllThere() throws {
    let folder = try TemporaryFolder()
    let harness = Harness()
    for handle in 0..<1000 { harness.transport.begin(.make(handle, .file(folder.path))) }
    #expect(harness.finish(0..<1000))
    #expect(harness.replies.values.allSatisfy { $0.ending == .reply(code: 250) })
    #expect(folder.list().count == 1000)
  }

  @Test func drainingEndsWhatIsNotCompleted() throws {
    let folder = try TemporaryFolder()
    let harness = Harness()
    harness.completesAtOnce = false
    for handle in 1...3 { harness.transport.begin(.make(handle, .file(folder.path))) }
    #expect(harness.run { harness.ready.count == 3 })
    harness.transport.complete(2)
    harness.transport.drain()
    #expect(harness.finish(1...3))
    #expect(harness.replies[2]?.ending == .reply(code: 250))
    #expect(harness.replies[1]?.ending == .connectionLost)
    #expect(harness.replies[3]?.completed == false)
    #expect(folder.list().count == 1)
  }
}
