import Foundation
import TestSupport
import Testing

/// What happens is another process's doing: its time is the wall clock's.
func pause(milliseconds: Int) { usleep(UInt32(milliseconds) * 1000) }

func wait(_ seconds: Double, until condition: () -> Bool) throws {
  let end = Date().addingTimeInterval(seconds)
  while !condition() {
    try #require(Date() < end, "nothing happened for \(seconds) seconds")
    pause(milliseconds: 1)
  }
}

extension ScriptedSMTPServer {
  /// Of every message that it took, the left part of its Message-ID: the send's id.
  var takenIDs: [String] {
    messages.compactMap { message in
      message.text.split(separator: "\r\n").first { $0.hasPrefix("Message-ID: <") }.map {
        String($0.dropFirst(13).prefix(32))
      }
    }
  }
}
