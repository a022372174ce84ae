import Delivery
import Foundation
import Journal
import Model
import Reporting

/// What a run says and leaves behind once the network is done with.
extension SendSession {
  /// How sending a plan ended.
  struct End {
    var status: ExitStatus
    /// Whether there is sense in planning and sending on: nothing but breakers, or nothing at all, stopped it.
    var goesOn: Bool
    /// Lines that wait for a person's approval.
    var awaiting = 0
    /// Lines that were taken up and brought to no end.
    var left = 0
    /// Of the day so far; nil where it could not be written.
    var report: DayReporter.Written?
  }

  func conclude(
    _ course: Course, _ target: PlanTarget, _ header: PlanHeader, _ share: RunShare, runID: String
  ) throws -> End {
    let letters = try share.inTurn(workspace) {
      if share.shard != nil {
        try workspace.rebuild(SentFiles(given.campaigns, zone: header.zone), target.day)
      }
      return try DeadLetters.rebuild(target.day, zone: header.zone, runIsLive: share.shard != nil)
    }
    // Those of this run are its exit code's to say; the others are said until somebody settles them.
    let unsettled = letters.count { $0.reason == .inDoubt } - course.tally.inDoubt
    if unsettled > 0, !isRepeated || course.tally.ended > 0 {
      let whose = share.shard == nil ? "earlier" : "other"
      workspace.log.warning(
        "\(Words.count(unsettled, "send")) of \(whose) runs still in doubt; settle them with nightmail dead-letters")
    }
    var end = report(course, target.day)
    if !share.missing.isEmpty { end.status = RunCommand.worse(end.status, .locked) }
    let runEnd = RunEnd(at: Workspace.now(), run: runID, exitCode: end.status.rawValue)
    end.report = try share.inTurn(workspace) {
      DayReporter(workspace, given.settings, parts: given.parts).writeAfterRun(
        target, letters: letters, end: runEnd, isLive: share.shard != nil)
    }
    return end
  }

  private func report(_ course: Course, _ day: DayFolder) -> End {
    let (tally, choice) = (course.tally, course.choice)
    let json = JSON.members(
      ("sent", .integer(Int64(tally.sent))), ("dead", .integer(Int64(tally.deadTotal))),
      ("in_doubt", .integer(Int64(tally.inDoubt))), ("released", .integer(Int64(tally.releasedTotal))),
      ("left", .integer(Int64(tally.left))), ("held", .integer(Int64(choice.held))),
      ("stopped", choice.stopped > 0 ? .integer(Int64(choice.stopped)) : nil),
      ("injected", course.injected > 0 ? .integer(Int64(course.injected)) : nil),
      ("seconds", .number(Double(course.took / .milliseconds(1)) / 1000)),
      ("results", .string(day.resultsPath(sending.shard)))
    )
    if isRepeated {
      if tally.ended > 0 {
        let text = Self.text(tally, choice, approvers: course.approvers, saysWhatWaits: false)
        workspace.options.json ? Console.out(json) : WatchLog.out(text, zone: given.settings.zone)
      }
    } else if workspace.options.json {
      Console.out(json)
    } else {
      Console.out(Self.text(tally, choice, approvers: course.approvers))
      if tally.ended > 0, !workspace.options.quiet { Console.out("Results in \(day.path)") }
    }
    for (login, why) in tally.unavailable.sorted(by: { $0.key < $1.key }) {
      workspace.log.error("\(login): \(why)")
    }
    if course.injected > 0 {
      let why = sending.injectFailures == nil ? "NIGHTMAIL_FORCE_FAIL" : "--inject-failures"
      workspace.log.error(
        "\(Words.count(course.injected, "attempt")) failed on purpose, by \(why); no server was asked")
    }
    var end = End(status: .done, goesOn: true, awaiting: choice.awaiting, left: tally.left)
    let lacked = tally.released[.providerUnavailable] ?? 0
    // What is not due yet, or what an interruption leaves for the next time, is as it should be.
    let isPatient = (sending.due || interruption?.isAsked == true) && !course.wasStopped && tally.unavailable.isEmpty
    if (tally.left > 0 && !isPatient) || lacked > 0 {
      (end.status, end.goesOn) = (.stopped, false)
    } else if choice.stopped > 0 || !tally.stopped.isEmpty {
      end.status = .stopped
    } else if tally.deadTotal + tally.inDoubt > 0 {
      end.status = .deadLetters
    } else if choice.held > 0 {
      end.status = .held
    }
    return end
  }

  /// - Parameter saysWhatWaits: for a time or a person, besides what has come to an end.
  private static func text(
    _ tally: Tally, _ choice: LineChoice, approvers: [String], saysWhatWaits: Bool = true
  ) -> String {
    var parts = ["\(Words.count(tally.sent, "message")) sent"]
    if tally.deadTotal > 0 { parts.append("\(Words.number(tally.deadTotal)) dead (\(Words.counts(tally.dead)))") }
    if tally.inDoubt > 0 { parts.append("\(Words.number(tally.inDoubt)) in doubt") }
    if tally.releasedTotal > 0 {
      parts.append("\(Words.number(tally.releasedTotal)) released to the next plan (\(Words.counts(tally.released)))")
    }
    guard saysWhatWaits else { return sentence(parts, tally, approvers) }
    if tally.left > 0 { parts.append("\(Words.number(tally.left)) left for the next run") }
    if choice.stopped > 0 { parts.append("\(Words.number(choice.stopped)) held by a breaker (see above)") }
    if choice.heldBack > 0 { parts.append("\(Words.number(choice.heldBack)) held back (see above)") }
    if choice.awaiting > 0 {
      parts.append("\(Words.number(choice.awaiting)) held: approve them with nightmail approve")
    }
    return sentence(parts, tally, approvers)
  }

  private static func sentence(_ parts: [String], _ tally: Tally, _ approvers: [String]) -> String {
    var text = parts.joined(separator: ", ") + "."
    if tally.total > 0, !approvers.isEmpty { text += " Approved by \(approvers.joined(separator: ", "))." }
    return text
  }
}
