import Crypto
import Model

/// The digest of a plan's bytes that `plan.lines` keeps, made so that several threads can take it at once: SHA-256 over
/// the SHA-256 of each MiB that follows the header's line. A plan of which it is still true was not edited, and none of
/// its lines has to be asked what became of it.
struct PlanPieces {
  typealias Digest = SHA256.Digest

  static let size = 1 << 20

  static func digest(_ piece: UnsafeRawBufferPointer) -> Digest {
    var hash = SHA256()
    hash.update(bufferPointer: piece)
    return hash.finalize()
  }

  /// The pieces' digests as one, in their order.
  struct Joined {
    private var hash = SHA256()

    mutating func add(_ digest: Digest) { digest.withUnsafeBytes { hash.update(bufferPointer: $0) } }
    var text: String { "sha256:" + Hex.encode(hash.finalize()) }
  }

  private var joined = Joined()
  private var piece = SHA256()
  private var filled = 0

  /// Takes in the bytes that come next.
  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = rest.prefix(Self.size - filled)
      piece.update(bufferPointer: UnsafeRawBufferPointer(rebasing: part))
      filled += part.count
      rest = rest.dropFirst(part.count)
      if filled == Self.size { endPiece() }
    }
  }

  private mutating func endPiece() {
    joined.add(piece.finalize())
    piece = SHA256()
    filled = 0
  }

  var text: String {
    var copy = self
    if copy.filled > 0 { copy.endPiece() }
    return copy.joined.text
  }
}
