import Model

/// The same as one JSON object. Times are RFC 3339 in the project's zone.
extension WhyReport {
  public static func json(_ explanation: Explanation, written: [WrittenLine]?) -> JSON {
    let (person, zone) = (explanation.person, explanation.zone)
    return .members(
      ("contact", .string(person.key)), ("kind", .string(person.kind.rawValue)),
      ("names", .array(person.names.map(JSON.string))), ("place", person.place.map { .string($0.description) }),
      ("timezone", person.zone.map { .string($0.identifier) }), ("date", .string(explanation.date.description)),
      ("not_before", .string(zone.format(explanation.notBefore))),
      ("campaigns", .array(explanation.campaigns.map { json($0, zone) })),
      ("notes", explanation.notes.isEmpty ? nil : .array(explanation.notes.map(JSON.string))),
      ("written", written.map { .array($0.map { line($0, zone) }) }))
  }

  private static func line(_ line: WrittenLine, _ zone: Zone) -> JSON {
    .members(
      ("id", .string(line.send.id.text)), ("campaign", .string(line.send.campaign)),
      ("step", .string(line.send.step)), ("send_at", .string(zone.format(line.send.sendAt))),
      ("mailbox", .string(line.send.mailbox)), ("approved", .bool(line.mayGo)))
  }

  private static func json(_ campaign: Explanation.InCampaign, _ zone: Zone) -> JSON {
    .members(
      ("campaign", .string(campaign.campaign)), ("absent", campaign.absence.map(json)),
      ("past", .array(campaign.past.map(SendStory.json))),
      ("today", .array(campaign.items.map { json($0, zone) })))
  }

  private static func json(_ absence: Explanation.Absence) -> JSON {
    func filter(_ kind: String, _ filter: Campaign.Filter) -> JSON {
      .members(
        ("because", .string(kind)), ("column", .string(filter.column)),
        ("values", .array(filter.values.sorted().map(JSON.string))))
    }
    let because = because(absence)
    switch absence {
    case .draft, .paused, .broken, .noRow: return .members(("because", .string(because)))
    case .over(let end): return .members(("because", .string(because)), ("since", .string(Zone.utc.format(end))))
    case .notInFiles(let files):
      return .members(("because", .string(because)), ("files", .array(files.map(JSON.string))))
    case .notWhere(let own), .excepted(let own): return filter(because, own)
    }
  }

  static func because(_ absence: Explanation.Absence) -> String {
    switch absence {
    case .draft: "draft"
    case .paused: "paused"
    case .over: "over"
    case .broken: "findings"
    case .notInFiles: "files"
    case .notWhere: "where"
    case .excepted: "except"
    case .noRow: "no-row"
    }
  }

  static func because(_ reason: EndReason) -> String {
    switch reason {
    case .complete: "complete"
    case .stopped(let event): event.type.rawValue
    case .failed: "failed"
    }
  }

  private static func json(_ item: Explanation.Item, _ zone: Zone) -> JSON {
    var members: [JSON.Member] = []
    func add(_ key: String, _ value: JSON?) {
      if let value { members.append(JSON.Member(key, value)) }
    }
    func time(_ instant: Instant?) -> JSON? { instant.map { .string(zone.format($0)) } }
    add("step", item.step.map(JSON.string))
    add("channel", item.channel.map { .string($0.rawValue) })
    add("row", item.row.map { .string($0.place.description) })
    switch item.verdict {
    case .planned(let send):
      add("verdict", .string("planned"))
      add("id", .string(send.id.text))
      add("send_at", time(send.sendAt))
      add("mailbox", .string(send.mailbox))
      add("to", .string(send.to))
      add(
        "open",
        .array(
          send.open.intervals.map { .array([.string(zone.format($0.start)), .string(zone.format($0.end))]) }))
    case .deferred(let reason, let obstacle, let until):
      add("verdict", .string("deferred"))
      add("reason", .string(reason.rawValue))
      add("until", time(until))
      members += json(obstacle, zone)
    case .skipped(let reason, let detail):
      add("verdict", .string("skipped"))
      add("reason", .string(reason.rawValue))
      add("detail", .string(detail))
    case .held(let reason, let holder):
      add("verdict", .string("held"))
      add("reason", .string(reason.rawValue))
      switch holder {
      case .send(let record): add("by", SendStory.json(record))
      case .line(let line): add("by", self.line(WrittenLine(send: line, mayGo: true), zone))
      case nil: break
      }
    case .waiting(let reason, let until):
      add("verdict", .string("waiting"))
      add("reason", .string(reason.rawValue))
      add("until", time(until))
    case .ended(let reason):
      add("verdict", .string("ended"))
      add("reason", .string(because(reason)))
      switch reason {
      case .complete: break
      case .stopped(let event): add("at", time(event.at))
      case .failed(let record): add("by", SendStory.json(record))
      }
    }
    return .object(members)
  }

  private static func json(_ obstacle: Explanation.Obstacle, _ zone: Zone) -> [JSON.Member] {
    func use(_ use: Explanation.Use) -> JSON {
      .members(
        ("limit", .integer(Int64(use.limit))), ("earlier", .integer(Int64(use.earlier))),
        ("planned", .integer(Int64(use.planned))))
    }
    switch obstacle {
    case .windows(let closed): return closed.map { [JSON.Member("closed", .string(zone.format($0)))] } ?? []
    case .contactCaps(let day, let week):
      return [("per_day", day), ("per_week", week)].compactMap { key, own in own.map { JSON.Member(key, use($0)) } }
    case .domainCap(let domain, let own):
      return [JSON.Member("domain", .string(domain)), JSON.Member("per_day", use(own))]
    case .newLimit(let own): return [JSON.Member("daily_new_limit", use(own))]
    case .mailboxes(let boxes):
      let list = boxes.map { box -> JSON in
        .members(
          ("id", .string(box.id)), ("open", .bool(box.isOpen)), ("planned", .integer(Int64(box.planned))),
          (
            "days",
            .array(
              box.days.map { .members(("date", .string($0.day.description)), ("use", use($0.use))) })
          ),
          ("hourly_limit", box.hourlyLimit.map { .integer(Int64($0)) }),
          ("rolling_limit", box.rollingLimit.map { .integer(Int64($0)) }),
          ("min_gap", box.minGap > .zero ? .string(box.minGap.description) : nil))
      }
      return [JSON.Member("mailboxes", .array(list))]
    }
  }
}
