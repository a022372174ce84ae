import Model

/// What an attempt's record says of whoever carried it out. Breakers are fed by records alone, so that what they say
/// after a restart is what they would have said without one.
enum Fault: Hashable, Sendable {
  /// The message was taken, or refused or put off for the recipient's sake: the way out is well.
  case none
  /// The provider's or the sender's fault, or no reply: one is chance, several in a row are not.
  case strike
  /// Every other message of the login would fail in the same way: refused credentials, throttling.
  case rest(Unavailability.Cause)
}

extension Record.Result {
  /// - Parameter kind: of the endpoint that made the attempt, whose table says what its replies mean.
  func fault(at kind: Endpoint.Kind?) -> Fault {
    switch outcome {
    case .sent: return .none
    case .inDoubt: return .strike
    case .retry, .failed:
      // Without a reply the connection was lost; what was refused so could not be put to the server at all.
      guard let code else { return reason == .rejected ? .none : .strike }
      if let cause = trouble(code, at: kind) { return .rest(cause) }
      if isBounce { return .none }
      if case .http? = kind {
        // What is not the message's own fault, by the same tables that sorted the reply.
        return outcome == .retry && (code < 400 || [404, 405, 408, 410].contains(code)) ? .strike : .none
      }
      if code == 421 { return .strike }
      guard code >= 500 else { return .none }
      // RFC 3463: x.3 the system, x.4 the network, x.7 policy; x.1 and x.2 are the recipient's.
      let parts = (enhancedCode ?? "").split(separator: ".")
      guard parts.count == 3 else { return outcome == .retry && code != 552 ? .strike : .none }
      return ["3", "4", "7"].contains(parts[1]) ? .strike : .none
    }
  }

  /// What the reply said of the login, from what the record keeps of it.
  private func trouble(_ code: Int, at kind: Endpoint.Kind?) -> Unavailability.Cause? {
    var stage = Reply.Stage.message
    if case .http? = kind { stage = .request }
    return Reply(
      stage: stage, ending: .reply(code: code), enhancedCode: enhancedCode, text: response,
      providerCode: enhancedCode, completed: true
    ).trouble(from: kind)
  }

  /// Whether it counts against `error_rate`: it failed, may have failed, or did so for now, and not by the recipient's
  /// fault. A receiver that asks to come again later (greylisting, a full mailbox) is none.
  func isError(at kind: Endpoint.Kind?) -> Bool { fault(at: kind) != .none || (outcome == .failed && !isBounce) }
}
