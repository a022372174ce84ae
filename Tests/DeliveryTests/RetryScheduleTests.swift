import Model
import Testing

@testable import Delivery

struct RetryScheduleTests {
  @Test func waitsDoubleUpToTheCapWithinAFifth() {
    let policy = RetryPolicy(backoff: .minutes(1), maxBackoff: .minutes(30))
    for (number, minutes) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30), (50, 30)] {
      let base = Int64(minutes) * 60_000
      for id in 0..<200 {
        let delay = RetrySchedule.delay(after: number, policy: policy, id: "\(id)").milliseconds
        #expect(delay >= base * 8 / 10 && delay <= base * 12 / 10, "attempt \(number) of \(id): \(delay) ms")
      }
    }
  }

  @Test func whatFailedTogetherDoesNotComeBackTogether() {
    let policy = RetryPolicy(backoff: .minutes(10), maxBackoff: .hours(1))
    let delays = (0..<1000).map { RetrySchedule.delay(after: 1, policy: policy, id: "send \($0)").milliseconds }
    #expect(Set(delays).count > 300)
    let mean = delays.reduce(0, +) / 1000
    #expect(abs(mean - 600_000) < 10_000)
    #expect(delays.contains { $0 < 500_000 } && delays.contains { $0 > 700_000 })
  }

  @Test func theSameSendWaitsTheSameTimeInEveryRun() {
    let policy = RetryPolicy()
    let id = SendID(campaign: "welcome", step: "intro", contact: "ada", channel: .email, key: "").text
    let delays = (1...3).map { RetrySchedule.delay(after: $0, policy: policy, id: id) }
    #expect(delays == (1...3).map { RetrySchedule.delay(after: $0, policy: policy, id: id) })
    #expect(delays[0] != delays[1])
  }

  @Test func hugeBackoffsDoNotOverflow() {
    let century = Instant.Span(milliseconds: 3_153_600_000_000)
    for span in [century, Instant.Span(milliseconds: .max)] {
      let policy = RetryPolicy(backoff: span, maxBackoff: span, giveUpAfter: century)
      for number in [0, 1, 40, 41, 1_000_000] {
        let delay = RetrySchedule.delay(after: number, policy: policy, id: "x")
        #expect(delay > .days(30_000))
        #expect(at("08:00:00") + delay > at("08:00:00"))
      }
    }
  }

  @Test func attemptsAndGiveUpAfterEndTheRetries() {
    let first = at("08:00:00")
    let limited = RetryPolicy(giveUpAfter: .hours(2), attempts: 3)
    #expect(RetrySchedule.goesOn(after: 2, first: first, next: at("09:59:59"), policy: limited))
    #expect(!RetrySchedule.goesOn(after: 3, first: first, next: at("08:01:00"), policy: limited))
    #expect(!RetrySchedule.goesOn(after: 1, first: first, next: at("10:00:00"), policy: limited))
    let patient = RetryPolicy(giveUpAfter: .days(4))
    #expect(RetrySchedule.goesOn(after: 500, first: first, next: first + .days(3), policy: patient))
  }
}
