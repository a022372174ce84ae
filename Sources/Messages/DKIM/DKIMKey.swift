import Crypto
import CryptoExtras
import Foundation

/// A private key that signs mail: RSA with SHA-256 (RFC 6376 §3.3.1) or Ed25519 with SHA-256 (RFC 8463). It never
/// prints itself.
public struct DKIMKey: Sendable {
  enum Kind: Sendable {
    case rsa(_RSA.Signing.PrivateKey)
    case ed25519(Curve25519.Signing.PrivateKey)
  }

  let kind: Kind

  init(_ kind: Kind) { self.kind = kind }

  /// RSA keys that sign have at least so many bits: RFC 8301 §3.2 asks for 1024 and advises 2048, and Gmail and others
  /// trust shorter ones no more.
  public static let leastRSABits = 2048

  /// The `a=` tag (RFC 6376 §3.5, RFC 8463 §3).
  var algorithm: String {
    switch kind {
    case .rsa: "rsa-sha256"
    case .ed25519: "ed25519-sha256"
    }
  }

  /// The signature over what the `h=` tag names, in canonical form. Ed25519 signs the SHA-256 digest itself (RFC 8463
  /// §3).
  /// - Throws: `signing`, which no key that could be read is known to cause.
  func signature(over input: [UInt8]) throws(DKIMProblem) -> [UInt8] {
    let digest = SHA256.hash(data: input)
    do {
      switch kind {
      case .rsa(let key): return Array(try key.signature(for: digest, padding: .insecurePKCS1v1_5).rawRepresentation)
      case .ed25519(let key): return Array(try key.signature(for: Data(digest)))
      }
    } catch {
      throw .signing("\(error)")
    }
  }

  // MARK: Reading

  /// Reads a key file: PEM with an RSA key (PKCS#1 or PKCS#8) or an Ed25519 key (PKCS#8, RFC 8410), or the base64 of
  /// an Ed25519 key's 32 octets alone.
  /// - Throws: what is wrong with it, and what would be right.
  public init(_ bytes: [UInt8]) throws(DKIMProblem) {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .notAKey }
    let blocks = PEMBlock.all(in: text)
    guard let block = blocks.first(where: { $0.label.hasSuffix("PRIVATE KEY") }) ?? blocks.first else {
      kind = .ed25519(try Self.seed(text.trimmingCharacters(in: .whitespacesAndNewlines)))
      return
    }
    switch block.label {
    case "RSA PRIVATE KEY":
      guard !block.isEncrypted else { throw .encrypted }
      kind = .rsa(try Self.rsa(block.der))
    case "PRIVATE KEY":
      if let seed = PKCS8.ed25519Seed(block.der) {
        kind = .ed25519(try Self.ed25519(seed))
      } else {
        kind = .rsa(try Self.rsa(block.der))
      }
    case "ENCRYPTED PRIVATE KEY": throw .encrypted
    case let label where label.hasSuffix("PRIVATE KEY"): throw .otherKind(label)
    case let label where label.hasSuffix("PUBLIC KEY") || label.hasSuffix("CERTIFICATE"): throw .publicKey
    default: throw .notAKey
    }
  }

  private static func seed(_ text: String) throws(DKIMProblem) -> Curve25519.Signing.PrivateKey {
    guard let bytes = Data(base64Encoded: text), bytes.count == 32 else { throw .notAKey }
    return try ed25519(Array(bytes))
  }

  private static func ed25519(_ seed: [UInt8]) throws(DKIMProblem) -> Curve25519.Signing.PrivateKey {
    do {
      return try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
    } catch {
      throw .notAKey
    }
  }

  private static func rsa(_ der: [UInt8]) throws(DKIMProblem) -> _RSA.Signing.PrivateKey {
    let key: _RSA.Signing.PrivateKey
    do {
      // The check of the length is ours, so that it can say what to do.
      key = try _RSA.Signing.PrivateKey(unsafeDERRepresentation: der)
    } catch {
      throw .notAKey
    }
    guard key.keySizeInBits >= leastRSABits else { throw .tooShort(bits: key.keySizeInBits) }
    return key
  }
}

extension DKIMKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "<redacted>" }
  public var debugDescription: String { "<redacted>" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Why a key cannot sign. None of these is helped by trying again: a person gives another key.
public enum DKIMProblem: Error, Hashable, Sendable {
  /// Neither PEM nor base64 of a key that could sign.
  case notAKey
  /// The other half of the pair, or a certificate.
  case publicKey
  /// A passphrase protects it, and nobody is there at night to type it.
  case encrypted
  /// A private key that DKIM has no use for, by its PEM label.
  case otherKind(String)
  /// An RSA key of too few bits.
  case tooShort(bits: Int)
  /// The library refused to sign.
  case signing(String)
}

extension DKIMProblem: CustomStringConvertible {
  /// What follows the file's name: one sentence without a full stop.
  public var description: String {
    switch self {
    case .notAKey:
      "holds no key that could sign; it must be an RSA or Ed25519 private key as PEM, or the base64 of an Ed25519 key's "
        + "32 octets (nightmail dkim keygen makes one)"
    case .publicKey: "holds a public key; give the private key that belongs to it"
    case .encrypted:
      "holds a key under a passphrase; take it off with 'openssl pkey -in KEY -out NEW' and keep the file to its owner"
    case .otherKind(let label):
      "holds a key of another kind (\(label)); DKIM signs with RSA or Ed25519 (nightmail dkim keygen makes one)"
    case .tooShort(let bits):
      "holds an RSA key of \(bits) bits, which receivers do not trust; it must have \(DKIMKey.leastRSABits) at least: "
        + "make a new one with nightmail dkim keygen, under another selector"
    case .signing(let reason): "cannot sign: \(reason)"
    }
  }
}
