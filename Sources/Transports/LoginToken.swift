import Delivery
import Dispatch
import Model
import Synchronization

/// A login's access token, which is fetched anew when a server refuses it and when it has grown old.
///
///     usable ─▶ spent ─▶ fetching ─▶ usable
///        ▲ old ──┘           └─▶ spent   (nothing could be fetched, or what has been refused)
///
/// A token that was fetched and refused without having been taken once is not followed by another at once: whoever
/// waits is given back, and the next is fetched when the login is tried again.
struct LoginToken {
  enum State {
    case usable, spent
    case fetching(TokenFetch)
  }

  /// Access tokens commonly live for an hour (RFC 6749 §4.2.2 `expires_in`): an older one than this is not shown.
  static let age = Instant.Span.minutes(45)

  private(set) var value: Secret
  private(set) var state = State.usable
  private var time: Instant
  /// A connection got through with it, or it is the one that the run began with: a refusal then means that it has run out.
  private var isTrusted = true
  /// What a server refused last, with its words.
  private(set) var refused: (value: Secret, text: String)?

  /// - Parameter time: when it was fetched.
  init(_ value: Secret, at time: Instant) {
    self.value = value
    self.time = time
  }

  /// Whether it has to be fetched anew before it is shown.
  func isSpent(at now: Instant) -> Bool {
    switch state {
    case .usable: now - time >= Self.age
    case .spent: true
    case .fetching: false
    }
  }

  mutating func wasTaken() {
    isTrusted = true
    refused = nil
  }

  /// - Parameter shown: the token that was refused: by now there may be another.
  /// - Returns: whether the attempts that wait may go on, with another token.
  mutating func wasRefused(_ shown: Secret?, _ text: String) -> Bool {
    switch state {
    case .fetching: return true
    case .spent: return false
    case .usable: if shown != value { return true }
    }
    state = .spent
    refused = (value, text)
    defer { isTrusted = false }
    return isTrusted
  }

  mutating func fetch(by renew: @escaping @Sendable () async throws -> Secret) {
    state = .fetching(TokenFetch(renew))
  }

  /// - Returns: why there is no other token; nil if there is.
  mutating func take(_ result: Result<Secret, any Error>, at now: Instant) -> String? {
    state = .spent
    switch result {
    case .success(let secret):
      if let refused, refused.value == secret {
        isTrusted = false
        return "\(refused.text); asked for another token, its source gave the same"
      }
      (value, time, state) = (secret, now, .usable)
      return nil
    case .failure(let error): return "no access token: \((error as? Endpoints.Problem)?.text ?? "\(error)")"
    }
  }
}

/// A token on its way: fetched on a queue of its own, looked for by the transport's thread.
final class TokenFetch: Sendable {
  private let box: Box
  private let task: Task<Void, Never>

  private final class Box: Sendable {
    let result = Mutex<Result<Secret, any Error>?>(nil)
  }

  /// Whatever blocks Swift's pool does not hold up the mail.
  private final class Executor: TaskExecutor {
    static let shared = Executor()
    private let queue = DispatchQueue(label: "tokens")

    func enqueue(_ job: consuming ExecutorJob) {
      let job = UnownedJob(job)
      queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
  }

  init(_ renew: @escaping @Sendable () async throws -> Secret) {
    let box = Box()
    self.box = box
    task = Task(executorPreference: Executor.shared) {
      let result: Result<Secret, any Error>
      do { result = .success(try await renew()) } catch { result = .failure(error) }
      box.result.withLock { $0 = result }
    }
  }

  deinit { task.cancel() }

  /// Nil while it is on its way.
  var result: Result<Secret, any Error>? { box.result.withLock { $0 } }
}

extension NetworkTransport {
  /// How often a token on its way is looked for, in milliseconds.
  static let tokenLook: Int64 = 10

  /// Whether the login has what it needs to log in. If not, its token is on its way, and it is served with it.
  func hasToken(_ login: Login) -> Bool {
    guard case .smtp(let smtp) = login.endpoint.kind, let renew = smtp.renewToken, let first = smtp.token else {
      return true
    }
    var token = login.token ?? LoginToken(first, at: began)
    defer { login.token = token }
    if case .fetching = token.state { return false }
    guard token.isSpent(at: now()) else { return true }
    token.fetch(by: renew)
    fetching.append(login)
    return false
  }

  /// A server refused the token that a connection showed.
  /// - Returns: whether the attempts that wait may go on, with another token; nil where none can be had.
  func refuseToken(_ connection: Connection, _ text: String) -> Bool? {
    connection.login.token?.wasRefused(connection.token, text)
  }

  /// Serves the logins whose tokens have come.
  func collectTokens() {
    guard !fetching.isEmpty else { return }
    let logins = fetching
    fetching.removeAll(keepingCapacity: true)
    for login in logins {
      guard case .fetching(let fetch)? = login.token?.state, !isDraining else { continue }
      guard let result = fetch.result else {
        fetching.append(login)
        continue
      }
      if let problem = login.token?.take(result, at: now()) {
        if !login.hasLive { unavailable(login, .credentials, problem) }
      } else {
        serve(login)
      }
    }
  }
}
