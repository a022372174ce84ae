import Crypto
import CryptoExtras
import Foundation

/// Verifies DKIM signatures by the plainest reading of RFC 6376 §6.1 and RFC 8463, without anything of the signer's: on
/// strings, with regular expressions. Octets are read as Latin-1, so that each is one character.
struct Verifier {
  enum Verdict: Hashable {
    case pass, bodyHash, signature, malformed
    case noKey(String)
  }

  /// TXT records by their names.
  var records: [String: String]

  /// One verdict for each `DKIM-Signature`, from the top.
  func verify(_ message: [UInt8]) -> [Verdict] {
    let text = String(bytes: message, encoding: .isoLatin1) ?? ""
    let (header, body) = Self.split(text)
    let fields = Self.fields(header)
    return fields.filter { Self.name($0) == "dkim-signature" }.map { verdict($0, fields, body) }
  }

  private func verdict(_ signature: String, _ fields: [String], _ body: String) -> Verdict {
    let tags = Self.tags(String(signature.drop { $0 != ":" }.dropFirst()))
    guard tags["v"] == "1", tags["c"] == "relaxed/relaxed", tags["l"] == nil, let algorithm = tags["a"],
      let domain = tags["d"], let selector = tags["s"], let names = tags["h"]?.lowercased().split(separator: ":"),
      names.contains("from"), let bodyHash = tags["bh"], let value = tags["b"].flatMap({ Data(base64Encoded: $0) })
    else { return .malformed }
    let name = "\(selector)._domainkey.\(domain)"
    guard let record = records[name].map(Self.tags), record["v"] == "DKIM1",
      let key = record["p"].flatMap({ Data(base64Encoded: $0) }), algorithm == "\(record["k"] ?? "rsa")-sha256"
    else { return .noKey(name) }
    guard Data(SHA256.hash(data: Self.octets(Self.relaxed(body: body)))).base64EncodedString() == bodyHash else {
      return .bodyHash
    }
    var left = fields
    var input = ""
    for name in names {
      guard let i = left.lastIndex(where: { Self.name($0) == name }) else { continue }
      input += Self.relaxed(field: left.remove(at: i)) + "\r\n"
    }
    input += Self.relaxed(field: signature).replacingOccurrences(
      of: "([; ]b ?=)[^;]*", with: "$1", options: .regularExpression)
    let digest = SHA256.hash(data: Self.octets(input))
    let isValid: Bool
    switch algorithm {
    case "rsa-sha256":
      let key = try? _RSA.Signing.PublicKey(unsafeDERRepresentation: key)
      isValid =
        key?.isValidSignature(.init(rawRepresentation: value), for: digest, padding: .insecurePKCS1v1_5) == true
    case "ed25519-sha256":
      let key = try? Curve25519.Signing.PublicKey(rawRepresentation: key)
      isValid = key?.isValidSignature(value, for: Data(digest)) == true
    default: return .malformed
    }
    return isValid ? .pass : .signature
  }

  private static func octets(_ text: String) -> Data { text.data(using: .isoLatin1) ?? Data() }

  private static func split(_ text: String) -> (header: String, body: String) {
    guard let end = text.range(of: "\r\n\r\n") else { return (text, "") }
    return (String(text[..<end.lowerBound]), String(text[end.upperBound...]))
  }

  private static func fields(_ header: String) -> [String] {
    header.replacingOccurrences(of: "\r\n([ \t])", with: "$1", options: .regularExpression)
      .components(separatedBy: "\r\n")
  }

  private static func name(_ field: String) -> String {
    field.prefix { $0 != ":" }.trimmingCharacters(in: .whitespaces).lowercased()
  }

  private static func single(_ text: String) -> String {
    text.replacingOccurrences(of: "[ \t]+", with: " ", options: .regularExpression)
  }

  static func relaxed(field: String) -> String {
    let unfolded = field.replacingOccurrences(of: "\r\n", with: "")
    let value = String(unfolded.drop { $0 != ":" }.dropFirst())
    return name(unfolded) + ":" + single(value).trimmingCharacters(in: .whitespaces)
  }

  static func relaxed(body: String) -> String {
    var lines = body.components(separatedBy: "\r\n").map {
      single($0).replacingOccurrences(of: " $", with: "", options: .regularExpression)
    }
    while lines.last == "" { lines.removeLast() }
    return lines.map { $0 + "\r\n" }.joined()
  }

  /// Without the white space in them, which means nothing in any of those that are read here.
  static func tags(_ list: String) -> [String: String] {
    var tags: [String: String] = [:]
    for tag in list.components(separatedBy: ";") {
      let parts = tag.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { continue }
      tags[parts[0].filter { !$0.isWhitespace }] = parts[1].filter { !$0.isWhitespace }
    }
    return tags
  }
}
