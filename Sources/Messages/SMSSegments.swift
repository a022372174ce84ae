import Model

/// Counts what a text comes to as text messages: one of 140 octets, or several that begin with the six octets of a
/// header that joins them (3GPP TS 23.040 §9.2.3.24.1).
public enum SMSSegments {
  /// Units in a message that stands alone, and in each of several.
  private static func room(_ encoding: SMSLength.Encoding) -> (alone: Int, joined: Int) {
    switch encoding {
    case .gsm7: (160, 153)
    case .ucs2: (70, 67)
    }
  }

  /// The encoding, units and segments of a text. A character of two units, by an escape or as a surrogate pair, is
  /// never split between two segments: where one unit is left, it begins the next one.
  public static func count(_ text: String) -> SMSLength {
    var widths: [Int] = []
    widths.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      guard let width = SMSAlphabet.width(scalar) else {
        return length(.ucs2, text.unicodeScalars.lazy.map { UTF16.width($0) })
      }
      widths.append(width)
    }
    return length(.gsm7, widths)
  }

  private static func length(_ encoding: SMSLength.Encoding, _ widths: some Sequence<Int>) -> SMSLength {
    let room = room(encoding)
    var (units, segments, left) = (0, 0, 0)
    for width in widths {
      units += width
      if width > left {
        segments += 1
        left = room.joined
      }
      left -= width
    }
    return SMSLength(encoding: encoding, units: units, segments: units <= room.alone ? min(units, 1) : segments)
  }
}

extension TemplateEngine {
  /// Counted over the very words that `MessageComposer` would make.
  public func length(of draft: SMSDraft) -> SMSLength? {
    let content: MessageContent
    do throws(RenderProblem) {
      switch draft.body {
      case .literal(let text): content = MessageContent(text: text)
      case .template(let template):
        content = try MessageContent(
          text: template, html: nil, id: draft.id, values: draft.values, mailbox: draft.mailbox,
          unsubscribe: draft.unsubscribe, isLinked: false, engine: self)
      }
    } catch {
      return nil
    }
    return content.smsText.map(SMSSegments.count)
  }
}
