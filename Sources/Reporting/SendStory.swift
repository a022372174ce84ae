import Model

/// What happened to one send, or to all sends of one contact, in words.
public enum SendStory {
  /// One line a send: for `status --contact`.
  public static func table(_ records: [SendRecord], zone: Zone) -> String {
    var table = TextTable(
      ["when", "campaign", "step", "channel", "to", "mailbox", "state", "attempts", "id"], numbers: [7])
    for record in records.sorted(by: { $0.at != $1.at ? $0.at < $1.at : $0.id < $1.id }) {
      table.add([
        zone.format(record.at), record.campaign, record.step, record.channel.rawValue, record.to, record.mailbox,
        state(record), String(record.attempts), record.id.text,
      ])
    }
    return table.text
  }

  public static func state(_ record: SendRecord) -> String {
    switch record.state {
    case .pending: "pending"
    case .inFlight: "in-flight"
    case .sent: "sent"
    case .waiting(let until): "deferred until \(Zone.utc.format(until))"
    case .inDoubt: "in-doubt"
    case .dead(let reason): "dead: \(reason.rawValue)"
    case .withdrawn: "withdrawn"
    case .dropped: "dropped"
    }
  }

  /// What a story is of, and how it stands.
  public static func head(_ record: SendRecord) -> String {
    "\(record.id)  \(record.campaign)/\(record.step) to \(record.to): \(state(record))"
  }

  /// The same of a send of which nothing is recorded yet.
  public static func head(planned send: PlannedSend) -> String {
    "\(send.id)  \(send.campaign)/\(send.step) to \(send.to): pending"
  }

  /// The line of a plan, as a story begins.
  public static func line(planned send: PlannedSend, on date: CalendarDay, zone: Zone) -> String {
    "\(zone.format(send.sendAt))  planned for \(date): from \(send.mailbox)"
      + (send.subject.map { ", \"\(TextTable.printable($0))\"" } ?? "")
  }

  /// A send of which nothing is recorded yet, with the members of one that is.
  public static func json(planned send: PlannedSend) -> JSON {
    .members(
      ("id", .string(send.id.text)), ("campaign", .string(send.campaign)), ("step", .string(send.step)),
      ("contact", .string(send.contact)), ("channel", .string(send.channel.rawValue)), ("to", .string(send.to)),
      ("mailbox", .string(send.mailbox)), ("state", .string("pending")), ("attempts", .integer(0)),
      ("at", .string(Zone.utc.format(send.sendAt))))
  }

  /// One line a record: for `status --id`.
  public static func line(_ record: Record, zone: Zone) -> String {
    switch record {
    case .run(let run): return "\(zone.format(run.at))  run \(run.id)"
    case .intent(let a): return "\(zone.format(a.at))  attempt \(a.number) through \(a.provider) begins its last step"
    case .outcome(let a, let r):
      let code = [r.code.map(String.init), r.enhancedCode].compactMap { $0 }.joined(separator: " ")
      let what = r.reason.map { "\(r.outcome.rawValue) (\($0.rawValue))" } ?? r.outcome.rawValue
      let retry = r.retryAt.map { "; again at \(zone.format($0))" } ?? ""
      let attempt = a.number > 0 ? "attempt \(a.number) through \(a.provider): " : ""
      let id = r.providerID.map { " (\(TextTable.printable($0)))" } ?? ""
      return "\(zone.format(a.at))  \(attempt)\(what) \(code) \(TextTable.printable(r.response))\(id)\(retry)"
    case .released(let note, let reason): return "\(zone.format(note.at))  released (\(reason.rawValue)): due again"
    case .withdrawn(let note): return "\(zone.format(note.at))  withdrawn by \(note.by ?? "somebody")"
    case .requeued(let note): return "\(zone.format(note.at))  made due again by \(note.by ?? "somebody")"
    case .resolved(let note, let how):
      return "\(zone.format(note.at))  settled as \(how.rawValue) by \(note.by ?? "somebody")"
    }
  }

  public static func json(_ record: SendRecord) -> JSON {
    .members(
      ("id", .string(record.id.text)), ("campaign", .string(record.campaign)), ("step", .string(record.step)),
      ("contact", .string(record.contact)), ("channel", .string(record.channel.rawValue)), ("to", .string(record.to)),
      ("mailbox", .string(record.mailbox)), ("state", .string(state(record))),
      ("attempts", .integer(Int64(record.attempts))), ("at", .string(Zone.utc.format(record.at))),
      ("message_id", record.messageID.map(JSON.string)),
      ("provider_id", record.last?.providerID.map(JSON.string)),
      ("response", record.last.map { .string($0.response) }))
  }
}
