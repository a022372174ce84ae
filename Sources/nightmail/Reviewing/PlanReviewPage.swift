import Foundation
import Journal
import Messages
import Model
import Reporting

extension PlanView {
  /// Where a plan's page is: beside it, `plan.html` for `plan.jsonl`.
  static func pagePath(of plan: String) -> String {
    (plan.hasSuffix(".jsonl") ? String(plan.dropLast(".jsonl".count)) : plan) + ".html"
  }

  /// Writes the page for reviewers beside the plan, in one pass over it.
  /// - Returns: its path.
  @discardableResult
  func writePage() throws -> String {
    let path = Self.pagePath(of: target.path)
    var lines = PlanPageLines(zone: header.zone)
    var first: [Kind: PlannedSend] = [:]
    let overview = try overview(keptExamples: 50) { send in
      lines.add(send)
      let kind = Kind(send)
      if first[kind] == nil { first[kind] = send }
    }
    guard let digest = try AtomicFile.digest(of: target.path) else { throw JournalProblem.missing(path: target.path) }
    let page = PlanPage(
      overview, lines, previews: previews(first), notes: planned.changes + planned.gaps, digest: digest,
      approve: approveCommand)
    let file = try AtomicFileWriter(path: path)
    try page.write { (bytes) throws(JournalProblem) in try file.write(bytes) }
    if try !file.isThereAlready() { try file.commit() }
    return path
  }

  /// The command that approves this plan, as it is typed in the project; nil for one that was replaced.
  var approveCommand: String? {
    let rehearse = workspace.isRehearsal ? " --rehearse" : ""
    if isCurrent { return "nightmail approve \(header.date)\(rehearse)" }
    let isOld = (try? target.day.planPaths().contains(target.path)) ?? false
    guard !isOld else { return nil }
    return "nightmail approve \(Self.quoted(target.path))\(rehearse)"
  }

  /// As a shell reads it as one word.
  private static func quoted(_ path: String) -> String {
    let plain = path.utf8.allSatisfy { byte in
      switch byte {
      case 0x61...0x7A, 0x41...0x5A, 0x30...0x39, 0x2F, 0x2E, 0x2D, 0x5F: true
      default: false
      }
    }
    return plain ? path : "'" + path.replacing("'", with: "'\\''") + "'"
  }

  /// What one message looks like, but for whom it is for.
  private struct Kind: Hashable {
    var campaign: String
    var step: String
    var variant: String?
    var channel: Channel

    init(campaign: String, step: String, variant: String?, channel: Channel) {
      self.campaign = campaign
      self.step = step
      self.variant = variant
      self.channel = channel
    }

    init(_ send: PlannedSend) {
      self.init(campaign: send.campaign, step: send.step, variant: send.variant, channel: send.channel)
    }
  }

  /// Every step of every campaign, in the files' order, each with its first send of the plan. Steps with none are named.
  private func previews(_ first: [Kind: PlannedSend]) -> [PlanPage.Preview] {
    let composer = workspace.composer(planned.project, engine: engine, signers: DKIMSigners())
    var rest = first
    var previews: [PlanPage.Preview] = []
    for campaign in planned.project.campaigns where header.campaigns[campaign.id] != nil {
      for step in campaign.steps {
        let channels: [Channel] = step.channel == .sms ? [.sms] : step.channel == .email ? [.email] : [.email, .sms]
        for variant in step.variants {
          var own: [PlanPage.Preview] = []
          for channel in channels {
            let kind = Kind(
              campaign: campaign.id, step: step.id, variant: variant.id.isEmpty ? nil : variant.id, channel: channel)
            if let send = rest.removeValue(forKey: kind) { own.append(preview(send, composer)) }
          }
          previews +=
            own.isEmpty
            ? [
              PlanPage.Preview(
                campaign: campaign.id, step: step.id, variant: variant.id.isEmpty ? nil : variant.id,
                channel: channels[0])
            ] : own
        }
      }
    }
    // Of campaigns that are not known any more.
    let others = rest.values.sorted {
      ($0.campaign, $0.step, $0.variant ?? "") < ($1.campaign, $1.step, $1.variant ?? "")
    }
    return previews + others.map { preview($0, composer) }
  }

  private func preview(_ send: PlannedSend, _ composer: MessageComposer) -> PlanPage.Preview {
    var preview = PlanPage.Preview(
      campaign: send.campaign, step: send.step, variant: send.variant, channel: send.channel)
    do throws(RenderProblem) {
      let message = try composer.compose(send, date: send.sendAt)
      preview.message =
        message.parts.map { parts in
          PlanPage.Message(
            id: send.id, from: Self.text(parts.from), to: Self.text(parts.to), subject: parts.subject,
            text: parts.text, html: parts.html, attachments: parts.attachments.map(\.name))
        }
        ?? PlanPage.Message(
          id: send.id, from: message.envelopeFrom, to: message.envelopeTo, subject: nil,
          text: String(decoding: message.bytes, as: UTF8.self), html: nil, attachments: [])
    } catch {
      preview.problem = "The message cannot be made: \(error)."
    }
    return preview
  }

  private static func text(_ address: NamedAddress) -> String {
    address.name.map { "\($0) <\(address.address.envelope)>" } ?? address.address.envelope
  }
}
