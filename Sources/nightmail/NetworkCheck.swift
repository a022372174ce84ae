import Delivery
import Foundation
import Journal
import Messages
import Model
import Reporting
import Transports

/// What `doctor` finds out by asking others: providers, and DNS for the keys that mail is signed with.
struct NetworkCheck {
  private let workspace: Workspace
  private let project: Project
  private let limit: Instant.Span
  private let isOffline: Bool
  /// So many at a time.
  private static let width = 8
  /// A clock that is further off than this is worth a look; further than five minutes, signed requests are refused
  /// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html).
  private static let skew = (warn: Instant.Span.seconds(30), fail: Instant.Span.minutes(5))
  private static let certificate = (warn: Instant.Span.days(14), fail: Instant.Span.days(3))

  init(_ workspace: Workspace, _ project: Project, limit: Instant.Span, isOffline: Bool) {
    self.workspace = workspace
    self.project = project
    self.limit = limit
    self.isOffline = isOffline
  }

  // MARK: Providers

  /// Each login once, however many mailboxes share it.
  func providers() async -> [Checkup.Line] {
    let today = workspace.output.day(project.settings.day(of: Workspace.now()))
    let (endpoints, findings) = await Endpoints.resolve(
      providers: project.providers, mailboxes: project.mailboxes, folder: workspace.folder, outbox: today.outboxPath,
      loopbackOnly: false, environment: ProcessInfo.processInfo.environment)
    var lines = findings.map { Checkup.Line(.fail, "provider", $0.message, "see \($0.place)") }
    var logins: [(endpoint: Endpoint, mailboxes: [Mailbox])] = []
    var numbers: [String: Int] = [:]
    for mailbox in project.mailboxes {
      for endpoint in endpoints[mailbox.id] ?? [] {
        if let number = numbers[endpoint.login] {
          logins[number].mailboxes.append(mailbox)
        } else {
          numbers[endpoint.login] = logins.count
          logins.append((endpoint, [mailbox]))
        }
      }
    }
    let checks = await inParallel(logins) { login in
      await EndpointCheck.run(login.endpoint, domain: login.mailboxes.first?.domain ?? "", limit: limit)
    }
    for (login, check) in zip(logins, checks) { lines += tell(login.endpoint, login.mailboxes, check) }
    lines += clock(checks)
    let used = Set(project.mailboxes.flatMap(\.providers))
    for provider in project.providers where !used.contains(provider.id) {
      lines.append(.init(.ok, "provider \(provider.id)", "no mailbox uses it; not asked"))
    }
    return lines
  }

  private func tell(_ endpoint: Endpoint, _ mailboxes: [Mailbox], _ check: EndpointCheck) -> [Checkup.Line] {
    let more = mailboxes.count > 1 ? " and \(mailboxes.count - 1) more" : ""
    let about = "provider \(endpoint.provider) (\(mailboxes.first?.id ?? "")\(more))"
    let verdict: Checkup.Verdict =
      switch check.verdict {
      case .ok: .ok
      case .warn: .warn
      case .fail: .fail
      }
    var lines = [Checkup.Line(verdict, about, check.text)]
    if let ends = check.certificateEnds {
      let left = ends - Workspace.now()
      let day = Zone.utc.day(of: ends)
      if left < Self.certificate.warn {
        lines.append(
          .init(
            left < Self.certificate.fail ? .fail : .warn, about,
            "its certificate, or one above it, runs out on \(day)",
            "have whoever runs the server renew it; without it nothing goes out"))
      } else if verdict == .ok {
        lines[0].found += "; its certificate holds until \(day)"
      }
    }
    return lines
  }

  /// By the time of the services that told theirs: the one that agrees best, since a server may be wrong too.
  private func clock(_ checks: [EndpointCheck]) -> [Checkup.Line] {
    let distances = checks.compactMap(\.clockAhead)
    guard let ahead = distances.min(by: { abs($0.milliseconds) < abs($1.milliseconds) }) else { return [] }
    let distance = Instant.Span(milliseconds: abs(ahead.milliseconds))
    let seconds = "\(distance.milliseconds / 1000) s"
    guard distance > Self.skew.warn else {
      return [
        .init(
          .ok, "clock",
          "agrees with \(Words.count(distances.count, "service")) to within \(distance.secondsRoundedUp) s")
      ]
    }
    return [
      .init(
        distance > Self.skew.fail ? .fail : .warn, "clock",
        "\(seconds) \(ahead > .zero ? "ahead of" : "behind") what the services say",
        "set it right and keep it with NTP: windows and send times go by it, and signed requests are refused")
    ]
  }

  // MARK: DKIM

  private struct PublicKey {
    var name: String
    var record: String
    var domain: String
  }

  /// Whether the keys can be read at all.
  func keys() -> [Checkup.Line] {
    let findings = workspace.signers(project.mailboxes).findings
    if !findings.isEmpty {
      return findings.map {
        .init(.fail, "dkim", $0.message, "see \($0.place), or make a key with nightmail dkim keygen")
      }
    }
    let count = published.count
    return count == 0 || !isOffline
      ? [] : [.init(.ok, "dkim", "\(Words.count(count, "key")) readable; DNS was not asked")]
  }

  /// The records that must stand in DNS, by the private keys at hand.
  private var published: [PublicKey] {
    var seen: Set<String> = []
    return project.mailboxes.flatMap(\.dkim).compactMap { dkim in
      let name = DKIMKey.recordName(selector: dkim.selector, domain: dkim.domain)
      guard seen.insert(name).inserted else { return nil }
      let path = dkim.keyFile.hasPrefix("/") ? dkim.keyFile : workspace.folder + "/" + dkim.keyFile
      guard let bytes = try? AtomicFile.read(path), let key = try? DKIMKey(bytes) else { return nil }
      return PublicKey(name: name, record: key.record, domain: dkim.domain)
    }
  }

  func publishedKeys() async -> [Checkup.Line] {
    let keys = published
    let answers = await inParallel(keys) { await TextRecords.ask($0.name) }
    return zip(keys, answers).map { key, answer in Self.judge(name: key.name, record: key.record, answer) }
  }

  /// - Parameter record: what the private key at hand would have published.
  static func judge(name: String, record: String, _ answer: TextRecords) -> Checkup.Line {
    let publish = "publish it: \(name). TXT \"\(record)\""
    switch answer {
    case .unknown:
      return .init(.warn, "dkim \(name)", "no name server answered, so the record was not compared with the key")
    case .none: return .init(.fail, "dkim \(name)", "DNS has no such record: mail signed with it fails", publish)
    case .records(let texts):
      let keys = texts.compactMap(publicKey)
      if keys.contains(where: { $0 == publicKey(record) }) {
        return .init(.ok, "dkim \(name)", "DNS has the key that signs")
      }
      if keys.allSatisfy(\.isEmpty), !keys.isEmpty {
        return .init(
          .fail, "dkim \(name)", "the key is revoked in DNS (p= is empty)", "sign with a new one: nightmail dkim keygen"
        )
      }
      return .init(
        .fail, "dkim \(name)",
        keys.isEmpty ? "the record in DNS holds no key" : "DNS has another key than the one that signs",
        publish)
    }
  }

  /// The value of `p`, less white space (RFC 6376 §3.6.1); nil where there is none.
  private static func publicKey(_ record: String) -> String? {
    for tag in record.split(separator: ";") {
      let parts = tag.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == "p" else { continue }
      return String(parts[1].filter { !$0.isWhitespace })
    }
    return nil
  }

  /// In the order of the items.
  private func inParallel<Item: Sendable, Result: Sendable>(
    _ items: [Item], _ body: @escaping @Sendable (Item) async -> Result
  ) async -> [Result] {
    await withTaskGroup(of: (Int, Result).self) { group in
      var results: [(Int, Result)] = []
      for (number, item) in items.enumerated() {
        if number >= Self.width, let done = await group.next() { results.append(done) }
        group.addTask { (number, await body(item)) }
      }
      for await done in group { results.append(done) }
      return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }
}

extension Mailbox {
  /// Of its address; empty for a number.
  fileprivate var domain: String {
    guard case .email(let named) = sender else { return "" }
    return named.address.envelope.split(separator: "@").last.map(String.init) ?? ""
  }
}
