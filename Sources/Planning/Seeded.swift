import Model

/// Chance that the seed decides: the same seed and words give the same number on every machine and in every order.
struct Seeded {
  private var state: UInt64

  /// FNV-1a over the words, mixed with the seed.
  init(_ seed: UInt64, _ words: String...) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for word in words {
      for byte in word.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
      hash = (hash ^ 0xFF) &* 0x100_0000_01B3
    }
    state = hash ^ (seed &* 0x9E37_79B9_7F4A_7C15)
  }

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mix(state)
  }

  /// SplitMix64's finaliser.
  static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// 0 ..< bound; 0 for a bound of 0.
  mutating func below(_ bound: Int64) -> Int64 {
    bound <= 0 ? 0 : Int64(next().multipliedFullWidth(by: UInt64(bound)).high)
  }
}
