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

  public mutating func number(hash: UInt64, _ name: () -> String?) -> Int32 {
    if let known = numbers.find(hash, { hashes[$0] == hash }) { return Int32(known) }
    numbers.insert(hash, names.count)
    names.append(name())
    hashes.append(hash)
    return Int32(names.count - 1)
  }

  /// Of what follows the last `@`, in whatever case.
  public static func hash(_ address: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in address.reversed() where byte != 0x20 {
      if byte == 0x40 { break }
      hash = (hash ^ UInt64(byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte)) &* 0x100_0000_01B3
    }
    return hash
  }
}
