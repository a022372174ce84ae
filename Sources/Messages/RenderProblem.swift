import Model

/// Why a send cannot be made into bytes. None of these is helped by trying again: what is wrong is in the project's
/// files or in the plan's line, and a person has to mend it there.
public enum RenderProblem: Error, Hashable, Sendable {
  /// Names that a template requires and that are not given or blank, in alphabetical order.
  case missingVariables([String])
  /// The template's own errors; `validate` finds the same ones.
  case malformed([Finding])
  /// The plan's line names a campaign, step, variant or mailbox that the project does not have.
  case notInProject(what: String, name: String)
  /// The mailbox carries the other channel.
  case wrongChannel(mailbox: String, Channel)
  /// The recipient's address or number is none that could be written into an envelope.
  case invalidRecipient(String)
  /// `unsubscribe` gives no usable URI with these values.
  case invalidUnsubscribe(String)
  /// There is nothing to say: no text, no HTML and no attachment, or all of it blank.
  case noContent
  /// An attachment could not be read.
  case attachment(path: String, reason: String)
  /// The mailbox signs its mail, and its key could not.
  case unsigned(mailbox: String, DKIMProblem)
}

extension RenderProblem: CustomStringConvertible {
  /// One sentence without a full stop, for a dead letter's or a skipped step's detail.
  public var description: String {
    switch self {
    case .missingVariables(let names):
      "no value for \(names.map { "{{\($0)}}" }.joined(separator: ", "))"
    case .malformed(let findings):
      findings.map(\.description).joined(separator: "; ")
    case .notInProject(let what, let name):
      "the project has no \(what) '\(name)'"
    case .wrongChannel(let mailbox, let channel):
      "mailbox '\(mailbox)' does not send \(channel == .email ? "e-mail" : "SMS")"
    case .invalidRecipient(let text):
      "'\(text)' is no address that a message could be sent to"
    case .invalidUnsubscribe(let text):
      "unsubscribe gives '\(text)', which is no https, http or mailto address"
    case .noContent:
      "the message is empty"
    case .attachment(let path, let reason):
      "attachment \(path) cannot be read: \(reason)"
    case .unsigned(let mailbox, let problem):
      "mailbox '\(mailbox)': the DKIM key \(problem)"
    }
  }
}
