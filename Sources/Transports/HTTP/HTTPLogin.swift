import CCurl
import Delivery
import Model

/// What shares connections, keys and rests at a service: its attempts, and the multi handle that carries them.
///
///     unknown ─▶ probing ─▶ open ─▶ proven
///        ▲          │         │        │
///        └──────────┴─────────┴────────┘ no connection could be made
///
/// While it is unknown, a connection is made and closed again before any attempt is told that it is ready: a wrong
/// name, a server that is down or an expired certificate costs nobody an attempt. While it is open, one attempt goes
/// alone: a wrong key is shown once, and not by each connection. From the first answer on, it is proven.
final class HTTPLogin {
  enum State { case unknown, probing, open, proven }

  let name: String
  let multi: MultiHandle
  /// As the latest attempt had it.
  var endpoint: Endpoint
  var http: Endpoint.HTTP
  var state = State.unknown
  var waiting: [Job] = []
  var probe: HTTPTransfer?
  /// Ready, or on their way: by their easy handles.
  private(set) var transfers: [UnsafeMutableRawPointer: HTTPTransfer] = [:]
  /// Requests on each open connection, known by its local port.
  private var uses: [Int32: Int] = [:]

  init(_ endpoint: Endpoint, _ http: Endpoint.HTTP, _ multi: MultiHandle) {
    name = endpoint.login
    self.endpoint = endpoint
    self.http = http
    self.multi = multi
  }

  var room: Int {
    switch state {
    case .unknown, .probing: 0
    case .open: 1 - transfers.count
    case .proven: max(1, endpoint.maxConnections) - transfers.count
    }
  }

  func transfer(_ job: Job) -> HTTPTransfer? { transfers.values.first { $0.job === job } }

  func add(_ transfer: HTTPTransfer) { transfers[transfer.easy] = transfer }

  /// Lets go of a transfer; one that is under way is cut off with its connection.
  func remove(_ transfer: HTTPTransfer) {
    if transfer.isStarted { multi.remove(transfer.easy) }
    transfers[transfer.easy] = nil
    if probe === transfer { probe = nil }
  }

  /// Whether a request is to be the last on its connection.
  func isLast(on localPort: Int32) -> Bool {
    let count = (uses[localPort] ?? 0) + 1
    let isLast = count >= max(1, endpoint.messagesPerConnection)
    uses[localPort] = isLast ? nil : count
    return isLast
  }

  func close() {
    for transfer in Array(transfers.values) + [probe].compactMap({ $0 }) { remove(transfer) }
    waiting = []
    multi.close()
  }
}
