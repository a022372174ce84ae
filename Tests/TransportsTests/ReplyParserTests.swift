import Delivery
import Model
import TestSupport
import Testing

@testable import Transports

@Suite struct ReplyParserTests {
  /// Whole replies of `text`, given to the parser in pieces.
  private func parse(_ bytes: [UInt8], pieces: (Int) -> Int) throws(ReplyParser.Malformed) -> [(Int, ReplyText)] {
    var parser = ReplyParser()
    var replies: [(Int, ReplyText)] = []
    var start = 0
    while start < bytes.count {
      let piece = Array(bytes[start..<min(bytes.count, start + max(1, pieces(start)))])
      start += piece.count
      var position = 0
      while let code = try parser.next(piece.span, &position) { replies.append((code, parser.text(code: code))) }
    }
    return replies
  }

  @Test func anEnhancedCodeCountsOnlyWhereItAgrees() throws {
    let text = "550 5.1.1 No\r\n550 4.1.1 No\r\n250 2.1.5\r\n550 5.1 No\r\n451 4.1234.1 x\r\n220 5.1.1\r\n"
    let replies = try parse(Array(text.utf8)) { _ in 7 }
    #expect(replies.map(\.0) == [550, 550, 250, 550, 451, 220])
    #expect(replies.map(\.1.enhancedCode) == ["5.1.1", nil, "2.1.5", nil, nil, nil])
    #expect(replies.map(\.1.text) == ["No", "4.1.1 No", "", "5.1 No", "4.1234.1 x", "5.1.1"])
  }

  @Test(arguments: [
    ("Ok: queued as 4XyZ12", "4XyZ12"), ("ok QUEUED AS abc-1.2.", "abc-1.2"), ("Ok: queued as ", nil), ("Ok", nil),
  ])
  func theServersNameForTheMessageIsFound(text: String, id: String?) {
    #expect(ReplyText(Array(text.utf8), code: 250).queueID == id)
  }

  @Test func textIsPrintableAndOfBoundedLength() {
    let bytes = Array("5.7.1 a\u{1B}[31m\u{0}b\u{202E}c".utf8) + [0xFF, 0xFE] + Array(repeating: 0x78, count: 5000)
    let text = ReplyText(bytes, code: 550).text
    #expect(text.hasPrefix("a [31m b c\u{FFFD}"))
    #expect(text.unicodeScalars.count == 500)
  }

  /// However replies are cut into reads, they are the same replies.
  @Test(arguments: [UInt64(20_261_120), 7, 99])
  func cutsMakeNoDifference(seed: UInt64) throws {
    var random = Dice(seed)
    for _ in 0..<300 {
      var text = ""
      var expected: [Int] = []
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let code = Int.random(in: 200...599, using: &random)
        expected.append(code)
        let lines = Int.random(in: 1...4, using: &random)
        for line in 1...lines {
          let words = String(repeating: "wörd ", count: Int.random(in: 0...20, using: &random))
          text += "\(code)\(line < lines ? "-" : " ")\(words)\(Bool.random(using: &random) ? "\r\n" : "\n")"
        }
      }
      let whole = try parse(Array(text.utf8)) { _ in 1 << 20 }
      let cut = try parse(Array(text.utf8)) { _ in Int.random(in: 1...9, using: &random) }
      #expect(whole.map(\.0) == expected, "seed \(seed)")
      #expect(cut.map(\.1) == whole.map(\.1), "seed \(seed)")
    }
  }

  /// Any bytes give replies or one error, and no code that is none.
  @Test(arguments: [UInt64(4), 5, 6])
  func anyBytesAreSurvived(seed: UInt64) {
    var random = Dice(seed)
    let alphabet = Array("0123456789245 -\r\n\n\r.x\u{0}ü".utf8)
    for _ in 0..<2000 {
      let count = Int.random(in: 0...200, using: &random)
      let bytes = (0..<count).map { _ in alphabet.randomElement(using: &random) ?? 0x32 }
      guard let replies = try? parse(bytes, pieces: { _ in Int.random(in: 1...30, using: &random) }) else { continue }
      #expect(replies.allSatisfy { (200...599).contains($0.0) }, "seed \(seed)")
    }
  }

  /// Any sequence of replies ends an attempt at most once, never as complete before its message was written, and the
  /// machine always says what to do next.
  @Test(arguments: [UInt64(11), 12, 13])
  func aTransactionEndsOnceWhateverTheServerSays(seed: UInt64) {
    var random = Dice(seed)
    let codes = [220, 250, 250, 250, 251, 354, 354, 421, 450, 451, 550, 552, 554, 503, 150, 334]
    for _ in 0..<20_000 {
      var out: [UInt8] = []
      var capabilities = Capabilities()
      capabilities.pipelining = Bool.random(using: &random)
      var transaction = Transaction(
        from: "a@example.com", to: "b@example.com", traits: MessageTraits([]), smtpUTF8: false,
        capabilities: capabilities, out: &out)
      var ends = 0
      var next = Transaction.Next.carryOn
      var isWritten = false
      for _ in 0..<12 where next == .carryOn {
        if transaction.state == .ready, Bool.random(using: &random) {
          transaction.messageBegun()
          isWritten = Bool.random(using: &random)
        } else if transaction.state == .message {
          isWritten = isWritten || Bool.random(using: &random)
        }
        let code = codes.randomElement(using: &random) ?? 250
        let event: Transaction.Event?
        (event, next) = transaction.receive(
          code, written: isWritten, text: { ReplyText([], code: code) }, out: &out)
        if case .finished(let reply)? = event {
          ends += 1
          #expect(!reply.completed || (reply.stage == .message && isWritten), "seed \(seed)")
          if case .reply(250...259) = reply.ending { #expect(reply.completed, "seed \(seed)") }
        }
      }
      if transaction.interrupted(.connectionLost, text: "", written: isWritten) != nil { ends += 1 }
      #expect(ends == 1, "seed \(seed)")
      #expect(next != .idle || transaction.state == .over, "seed \(seed)")
    }
  }
}
