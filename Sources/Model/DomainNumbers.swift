/// Numbers for the domains that addresses go to. Two domains of one hash, if there ever are any, share one.
public struct DomainNumbers: Sendable {
  private var numbers = HashIndex()
  public private(set) var names: [String?] = []
  /// By number.
  public private(set) var hashes: [UInt64] = []

  public init() {}

  /// - Returns: -1 for what goes to none.
  public mutating func number(of send: PlannedSend) -> Int32 {
    guard send.channel == .email else { return -1 }
    var to = send.to
    return number(hash: to.withUTF8 { Self.hash($0) }) { EmailAddress(send.to)?.domain }
  }

  /// Brings near what a search for a hash begins with.
  @inline(__always)
  public func fetch(hash: UInt64) { numbers.fetch(hash) }

  public mutating func number(hash: UInt64, _ name: () -> String?) -> Int32 {
    if let known = numbers.find(hash, { hashes[$0] == hash }) { return Int32(known) }
    numbers.insert(hash, names.count)
    names.append(name())
    hashes.append(hash)
    return Int32(names.count - 1)
  }

  /// Of what follows the last `@`, in whatever case, without spaces.
  public static func hash(_ address: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var start = address.count
    var isPlain = true
    while start > 0, address[start - 1] != 0x40 {
      let byte = address[start - 1]
      isPlain = isPlain && byte != 0x20 && !(byte >= 0x41 && byte <= 0x5A)
      start -= 1
    }
    let domain = UnsafeBufferPointer(rebasing: address[start...])
    if isPlain { return ByteHash.of(domain) }
    let folded = domain.filter { $0 != 0x20 }.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
    return folded.withUnsafeBufferPointer { ByteHash.of($0) }
  }
}
