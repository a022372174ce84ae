import CCurl
import Delivery
import Model

/// What happens on SMTP connections: opening, the steps of a transaction, and every way to end.
extension NetworkTransport {
  // MARK: Giving connections to attempts

  /// Gives waiting attempts to idle connections, and opens connections for those that are left.
  func serve(_ login: Login) {
    guard login.waitingCount > 0, !isDraining else { return }
    for connection in login.connections where connection.phase == .idle {
      guard login.waitingCount > 0 else { return }
      startNext(connection)
    }
    let most = max(1, login.endpoint.maxConnections)
    while login.waitingCount > login.connecting, login.connections.count < most,
      login.isProven || login.connecting == 0
    {
      guard now() >= login.pauseUntil || !login.hasLive else {
        earliestDeadline = min(earliestDeadline, login.pauseUntil)
        return
      }
      guard hasToken(login), open(login) else { return }
    }
  }

  private func open(_ login: Login) -> Bool {
    guard case .smtp(var smtp) = login.endpoint.kind else { return false }
    smtp.token = login.token?.value ?? smtp.token
    let timeouts = Timeouts(login.endpoint.timeout)
    guard Envelope.isHost(smtp.host), (1...65_535).contains(smtp.port) else {
      unavailable(login, .connection, "'\(smtp.host):\(smtp.port)' is no host and port; correct providers.yaml")
      return false
    }
    guard let link = Link(smtp, ehlo: ehloName(login), timeout: timeouts.greeting) else {
      unavailable(login, .connection, "libcurl could not prepare a connection to \(smtp.host):\(smtp.port)")
      return false
    }
    let connection = Connection(
      link: link, login: login, timeouts: timeouts, limit: login.endpoint.messagesPerConnection,
      deadline: now() + timeouts.greeting)
    connection.token = smtp.token
    earliestDeadline = min(earliestDeadline, connection.deadline)
    connection.index = connections.count
    connections.append(connection)
    login.connections.append(connection)
    // libcurl asks for its first call by a timer of 0 ms.
    link.tick(MonotonicTime.now())
    advance(connection)
    return connection.phase != .closed
  }

  /// The sender's domain; it is what a server can check and what says nothing about this machine.
  private func ehloName(_ login: Login) -> String {
    let sender = login.waiting.last?.attempt.from ?? ""
    let domain = sender.lastIndex(of: "@").map { String(sender[sender.index(after: $0)...]) } ?? ""
    return Envelope.isHostName(domain) ? domain : SystemCalls.hostName
  }

  /// Looks at how far libcurl has come.
  func advance(_ connection: Connection) {
    guard connection.phase == .connecting else { return }
    guard let result = connection.link.result() else {
      if connection.link.linesHeard != connection.linesSeen {
        connection.linesSeen = connection.link.linesHeard
        setDeadline(connection, connection.timeouts.greeting)
      }
      return
    }
    guard result == CURLE_OK else {
      let (cause, text) = Self.explain(result, connection)
      failed(connection, cause, text)
      return
    }
    if Self.isUnnamed(connection) {
      // libcurl goes on without logging in; mail that leaves so is not what the operator asked for.
      failed(connection, .credentials, "\(place(connection)) offers no way to log in; is it the right port?")
      return
    }
    connection.login.isProven = true
    connection.login.token?.wasTaken()
    connection.phase = .idle
    startNext(connection)
    // The others had waited for this one to get through.
    serve(connection.login)
  }

  /// The operator gave a user name and the server never asked for it.
  private static func isUnnamed(_ connection: Connection) -> Bool {
    guard case .smtp(let smtp) = connection.login.endpoint.kind, smtp.username != nil else { return false }
    return connection.link.handshake.capabilities.mechanisms.isEmpty
  }

  /// Gives the connection the next attempt it can carry; without one it is idle.
  private func startNext(_ connection: Connection) {
    connection.phase = .idle
    guard !isDraining, connection.messages < connection.limit else {
      quit(connection)
      return
    }
    guard let (job, transaction) = openTransaction(connection) else {
      connection.transaction = nil
      setDeadline(connection, Timeouts.idle)
      return
    }
    connection.phase = .busy
    connection.job = job
    connection.transaction = transaction
    setDeadline(connection, connection.allowance)
    flush(connection)
  }

  /// Takes the next attempt that the connection can carry and writes the opening of its transaction.
  private func openTransaction(_ connection: Connection) -> (Job, Transaction)? {
    while let job = connection.login.takeWaiting() {
      let capabilities = connection.link.handshake.capabilities
      let smtpUTF8 = job.needsSMTPUTF8
      if let text = Transaction.obstacle(traits: job.traits, smtpUTF8: smtpUTF8, capabilities: capabilities) {
        let reply = Reply(stage: .mail, ending: .unsupported, text: text, completed: false)
        tell(.finished(handle: job.attempt.handle, reply))
        continue
      }
      connection.messages += 1
      job.connection = connection
      let transaction = connection.write {
        Transaction(
          from: job.attempt.from, to: job.attempt.to, traits: job.traits, smtpUTF8: smtpUTF8,
          capabilities: capabilities,
          out: &$0)
      }
      return (job, transaction)
    }
    return nil
  }

  /// Lets the next attempt's opening follow the message that has just been written.
  private func openFollowing(_ connection: Connection) {
    guard connection.link.handshake.capabilities.pipelining, !isDraining, connection.next == nil,
      connection.messages < connection.limit, let replyTime = connection.login.replyTime, replyTime < Timeouts.quick,
      let (job, transaction) = openTransaction(connection)
    else { return }
    let until = now() + Timeouts.following
    connection.next = Following(job: job, transaction: transaction, until: until)
    earliestDeadline = min(earliestDeadline, until)
  }

  /// The message before is answered: what follows it is under way.
  private func promote(_ connection: Connection, _ following: Following) {
    connection.next = nil
    guard let job = following.job, !isDraining else {
      // The server is about to wait for a message that will not come.
      release(following)
      return drop(connection)
    }
    connection.job = job
    connection.transaction = following.transaction
    setDeadline(connection, connection.allowance)
  }

  /// Another connection may carry what has waited here for too long, or in vain: nothing was answered to it.
  func release(_ following: Following) {
    guard let job = following.job else { return }
    job.connection = nil
    guard !isDraining else { return }
    logins[job.attempt.endpoint.login]?.putBack(job)
  }

  /// A server may close a connection that has carried messages whenever it likes; an attempt that it has not said a word
  /// to by then is none, and goes to another connection, once.
  /// - Returns: true if the connection's attempt has been taken off it.
  private func move(_ connection: Connection) -> Bool {
    guard connection.phase == .busy, connection.messages > 1, connection.transaction?.state == .mail, !isDraining,
      let job = connection.job, !job.hasMoved
    else { return false }
    job.hasMoved = true
    connection.job = nil
    job.connection = nil
    logins[job.attempt.endpoint.login]?.putBack(job)
    return true
  }

  /// The reply to the message before takes long, and the attempt behind it does not wait for it.
  func giveUpFollowing(_ connection: Connection) {
    guard var following = connection.next, following.job != nil else { return }
    release(following)
    following.job = nil
    connection.next = following
    serve(connection.login)
  }

  func setDeadline(_ connection: Connection, _ span: Instant.Span) {
    connection.deadline = now() + span
    if connection.deadline < earliestDeadline { earliestDeadline = connection.deadline }
  }

  // MARK: A transaction

  /// The intent is on disk: the whole message and its dot.
  func writeMessage(_ connection: Connection, _ job: Job) {
    guard connection.phase == .busy, connection.transaction?.state == .ready else { return }
    connection.transaction?.messageBegun()
    connection.write(message: job.attempt.message, hasLeadingDot: job.traits.hasLeadingDot)
    connection.writtenAt = now()
    openFollowing(connection)
    setDeadline(connection, connection.timeouts.block)
    flush(connection)
  }

  func flush(_ connection: Connection) {
    switch connection.flush() {
    case .all:
      if connection.transaction?.state == .message { setDeadline(connection, connection.timeouts.message) }
    case .blocked:
      setDeadline(connection, connection.allowance)
    case .failed(let text):
      // What the server said before it hung up says more than the broken pipe.
      read(connection)
      if connection.phase != .closed { lose(connection, .connectionLost, text) }
    }
  }

  func read(_ connection: Connection) {
    while connection.phase != .closed {
      switch connection.link.receive(into: &buffer) {
      case .bytes(let count):
        take(connection, count)
        // A short read has emptied a plain socket; OpenSSL may hold more than the socket shows.
        if count < buffer.count, !connection.link.isEncrypted { return }
      case .again: return
      case .closed(let text):
        lose(connection, .connectionLost, text)
        return
      }
    }
  }

  private func take(_ connection: Connection, _ count: Int) {
    var position = 0
    while connection.phase != .closed {
      let code: Int
      do throws(ReplyParser.Malformed) {
        guard let next = try connection.parser.next(buffer.span.extracting(0..<count), &position) else { return }
        code = next
      } catch {
        // It has said something.
        connection.job?.hasMoved = true
        lose(connection, .connectionLost, error.text)
        return
      }
      receive(connection, code)
    }
  }

  private func receive(_ connection: Connection, _ code: Int) {
    guard connection.phase == .busy else {
      // To QUIT, 221; to nothing, 421 or nonsense. Either way the connection has had its time.
      drop(connection)
      return
    }
    if code == 421, move(connection) { return drop(connection) }
    let written = connection.isMessageWritten
    let (event, next) = connection.write { out in
      connection.transaction?.receive(
        code, written: written, text: { connection.parser.text(code: code) }, out: &out) ?? (nil, .close)
    }
    switch event {
    case .ready?:
      if let job = connection.job { tell(.ready(handle: job.attempt.handle)) }
    case .finished(let reply)?:
      finish(connection, reply)
      if reply.trouble(from: connection.login.endpoint.kind) == .credentials,
        refuseToken(connection, reply.text) != nil
      {
        return drop(connection)
      }
    case nil: break
    }
    switch next {
    case .carryOn:
      setDeadline(connection, connection.allowance)
      if !connection.isWritten { flush(connection) }
    case .idle:
      if let following = connection.next { promote(connection, following) } else { startNext(connection) }
    case .close: drop(connection)
    }
  }

  private func finish(_ connection: Connection, _ reply: Reply) {
    guard let job = connection.job else { return }
    connection.job = nil
    job.connection = nil
    if let writtenAt = connection.writtenAt {
      connection.login.replyTime = now() - writtenAt
      connection.writtenAt = nil
    }
    tell(.finished(handle: job.attempt.handle, reply))
  }

  // MARK: Ends

  /// The connection is of no more use: its attempt ends so, if it has not ended.
  func lose(_ connection: Connection, _ ending: Reply.Ending, _ text: String) {
    if ending == .connectionLost, move(connection) { return drop(connection) }
    if connection.phase == .busy,
      let reply = connection.transaction?.interrupted(ending, text: text, written: connection.isMessageWritten)
    {
      finish(connection, reply)
    }
    drop(connection)
  }

  func timeOut(_ connection: Connection) {
    switch connection.phase {
    case .connecting:
      failed(connection, .connection, "\(place(connection)) did not answer in time; is host and port right?")
    case .idle: quit(connection)
    case .busy: lose(connection, .timeout, "the server did not answer within \(connection.allowance)")
    case .quitting: drop(connection)
    case .closed: break
    }
  }

  /// Says goodbye; the connection closes with the answer, or five seconds later.
  func quit(_ connection: Connection) {
    connection.phase = .quitting
    connection.transaction = nil
    connection.write { $0.append(contentsOf: "QUIT\r\n".utf8) }
    setDeadline(connection, Timeouts.quit)
    if case .failed = connection.flush() { drop(connection) }
  }

  /// Closes and forgets a connection.
  func drop(_ connection: Connection) {
    guard connection.phase != .closed else { return }
    connection.phase = .closed
    connection.link.close()
    connection.transaction = nil
    connection.job?.connection = nil
    connection.job = nil
    if let following = connection.next { release(following) }
    connection.next = nil
    // The last takes its place in the list.
    let last = connections.count - 1
    if connection.index < last {
      connections[connection.index] = connections[last]
      connections[connection.index].index = connection.index
    }
    connections.removeLast()
    let login = connection.login
    login.connections.removeAll { $0 === connection }
    serve(login)
  }

  private func failed(_ connection: Connection, _ cause: Unavailability.Cause, _ text: String) {
    let login = connection.login
    let waits = login.hasLive
    if waits { login.pauseUntil = now() + Timeouts.pause }
    login.isProven = false
    // A token that has had its hour: with another, the same attempts may go on.
    if cause == .credentials, refuseToken(connection, text) == true { return drop(connection) }
    // Before `drop`, which would open another connection for those that wait.
    if !waits { unavailable(login, cause, text) }
    drop(connection)
  }

  /// Gives back whatever waits for a login that has no connection.
  func unavailable(_ login: Login, _ cause: Unavailability.Cause, _ text: String) {
    let returned = login.takeAllWaiting().map(\.attempt.handle)
    guard !returned.isEmpty else { return }
    let text = Self.withoutPlace(text, of: login.name)
    tell(.unavailable(login: login.name, Unavailability(cause: cause, text: text), returned: returned))
  }
}
