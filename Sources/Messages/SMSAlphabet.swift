/// The default alphabet of text messages (3GPP TS 23.038 §6.2.1) and its extension table (§6.2.1.1). National tables
/// are not used: hardly a gateway offers them.
enum SMSAlphabet {
  /// How many seven-bit characters a character takes: 1, 2 for one of the extension table with its escape, or nil for
  /// one that the alphabet has not.
  static func width(_ scalar: Unicode.Scalar) -> Int? {
    if scalar.value < 0x80 { return asciiWidths[Int(scalar.value)] }
    if scalar == "€" { return 2 }
    return beyondASCII.contains(scalar) ? 1 : nil
  }

  /// In the table's order from 0x00 on, without ASCII: `ç` is not in it, `Ç` is.
  private static let beyondASCII = Set("£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà".unicodeScalars)

  /// Of ASCII, the table has no controls but LF and CR, and no grave accent; `$`, `@` and `_` have other places in it and
  /// take one character like all others.
  private static let asciiWidths: [Int?] = (UInt8(0)..<0x80).map { byte in
    switch byte {
    case 0x0A, 0x0D: 1
    // Form feed stands in the extension table as a page break.
    case 0x0C: 2
    case UInt8(ascii: "^"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "\\"), UInt8(ascii: "["),
      UInt8(ascii: "~"), UInt8(ascii: "]"), UInt8(ascii: "|"):
      2
    case UInt8(ascii: "`"): nil
    case 0x20...0x7E: 1
    default: nil
    }
  }
}
