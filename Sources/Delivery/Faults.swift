import Model

/// What an attempt's record says of whoever carried it out. Breakers are fed by records alone, so that what they say
/// after a restart is what they would have said without one.
enum Fault: Hashable, Sendable {
  /// The message was taken, or refused or put off for the recipient's sake: the way out is well.
  case none
  /// The provider's or the sender's fault, or no reply: one is chance, several in a row are not.
  case strike
  /// Every other message of the login would fail in the same way: refused credentials, throttling.
  case rest
}

extension Record.Result {
  /// Replies to a login rather than to a message: RFC 4954 §6 for 530, 534, 535 and 538; SES throttles with 454.
  private static let loginCodes: Set<Int> = [454, 530, 534, 535, 538]
  /// The same in HTTP: no or wrong credentials, too slow, too many requests (RFC 9110 §15.5, RFC 6585 §4).
  private static let httpCodes: Set<Int> = [401, 403, 408, 429]

  var fault: Fault {
    switch outcome {
    case .sent: return .none
    case .inDoubt: return .strike
    case .retry, .failed:
      // Without a reply the connection was lost; what was refused so could not be put to the server at all.
      guard let code else { return reason == .rejected ? .none : .strike }
      if Self.loginCodes.contains(code) { return .rest }
      if isBounce { return .none }
      if code == 421 || Self.httpCodes.contains(code) { return .strike }
      guard code >= 500 else { return .none }
      // RFC 3463: x.3 the system, x.4 the network, x.7 policy; x.1 and x.2 are the recipient's.
      let parts = (enhancedCode ?? "").split(separator: ".")
      guard parts.count == 3 else { return outcome == .retry && code != 552 ? .strike : .none }
      return ["3", "4", "7"].contains(parts[1]) ? .strike : .none
    }
  }

  /// Whether it counts against `error_rate`: it failed, may have failed, or did so for now, and not by the recipient's
  /// fault. A receiver that asks to come again later (greylisting, a full mailbox) is none.
  var isError: Bool { fault != .none || (outcome == .failed && !isBounce) }
}
