import Model
import Testing

@Test func everyMailboxBelongsToJustOneShard() throws {
  for count in [1, 2, 3, 8, 1024] {
    for mailbox in ["anna", "sales@example.com", "", "Zoë", "a", "b"] {
      #expect((0..<count).compactMap { Shard($0, of: count) }.count { $0.owns(mailbox: mailbox) } == 1)
    }
  }
  // printf anna | sha256sum begins with 55579b557896d0ce: modulo 8 that is 6.
  #expect(Shard(6, of: 8)?.owns(mailbox: "anna") == true)
}

@Test func aShardIsCountedFromNothing() {
  #expect(Shard("0/1")?.description == "0/1" && Shard("7/8") == Shard(7, of: 8))
  for text in ["8/8", "1/0", "-1/2", "1", "1/2/3", "a/b", "", "/", "0/1025"] { #expect(Shard(text) == nil, "\(text)") }
}
