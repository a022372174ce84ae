import Foundation
import Model

/// `data/mailboxes.*` and `data/providers.yaml`: lists of entries with ids.
struct ListLoader {
  static let mailboxesYAML = "data/mailboxes.yaml"
  static let mailboxesCSV = "data/mailboxes.csv"
  static let providersPath = "data/providers.yaml"

  let files: ProjectFiles
  let findings: Findings

  /// The sound entries, and the ids of all: a broken one is reported where it stands, not wherever it is named.
  func providers() -> (list: [Provider], ids: Set<String>) {
    guard files.exists(Self.providersPath) else {
      findings.error(Place(Self.providersPath), "the file is missing; it lists the ways out, at least one")
      return ([], [])
    }
    guard let nodes = list(Self.providersPath, .providers) else { return ([], []) }
    if nodes.isEmpty { findings.error(Place(Self.providersPath), "no provider is listed; there must be at least one") }
    let list = nodes.compactMap { ProviderKeys.provider($0, findings, files: files) }
    return (list, ids(nodes, "provider"))
  }

  func mailboxes(
    _ settings: Settings, providers: (list: [Provider], ids: Set<String>)
  ) -> (list: [Mailbox], ids: Set<String>) {
    var nodes: [YAMLNode]?
    switch (files.exists(Self.mailboxesYAML), files.exists(Self.mailboxesCSV)) {
    case (false, false):
      findings.error(
        Place(Self.mailboxesYAML), "the file is missing; mailboxes stand in mailboxes.yaml or mailboxes.csv")
    case (true, true):
      findings.error(Place(Self.mailboxesCSV), "mailboxes.yaml is there too; keep one of them")
      nodes = list(Self.mailboxesYAML, .mailboxes)
    case (true, false): nodes = list(Self.mailboxesYAML, .mailboxes)
    case (false, true): nodes = rows()
    }
    guard let nodes else { return ([], []) }
    if nodes.isEmpty { findings.error(Place(Self.mailboxesYAML), "no mailbox is listed") }
    var mailboxes: [Mailbox] = []
    for node in nodes {
      guard let object = ObjectReader(node, MailboxKeys.schema, findings),
        let mailbox = MailboxKeys.mailbox(object, settings: settings)
      else { continue }
      for id in mailbox.providers where !providers.ids.contains(id) {
        findings.error(
          object.place(MailboxKeys.providers),
          "there is no provider '\(id)'" + Nearest.hint(id, among: providers.ids.sorted()))
      }
      let channel = mailbox.sender.channel
      for provider in providers.list where mailbox.providers.contains(provider.id) && !provider.kind.carries(channel) {
        findings.error(
          object.place(MailboxKeys.providers),
          channel == .sms
            ? "mailbox '\(mailbox.id)' is for text messages, and provider '\(provider.id)' carries e-mail only"
            : "mailbox '\(mailbox.id)' is for e-mail, and provider '\(provider.id)' carries text messages only")
      }
      SigningCheck(files: files, findings: findings).check(mailbox)
      mailboxes.append(mailbox)
    }
    return (mailboxes, ids(nodes, "mailbox"))
  }

  private func list(_ path: String, _ role: InputFile.Role) -> [YAMLNode]? {
    guard let node = files.yaml(path, role, findings) else { return nil }
    if case .sequence(let items) = node.content { return items }
    if node.entries?.isEmpty == true { return [] }
    findings.error(node.place, "the file must be a list, each entry beginning with '-', not \(node.described)")
    return nil
  }

  /// The rows of `mailboxes.csv` as mappings, so that the same keys read them.
  private func rows() -> [YAMLNode]? {
    var nodes: [YAMLNode] = []
    var hasHeader = false
    CSVFile.read(Self.mailboxesCSV, .mailboxes, files, findings) { header in
      hasHeader = true
      return true
    } row: { reader, header in
      if let (defect, field) = reader.defect { return findings.error(reader.place(field), defect.message) }
      var entries: [YAMLNode.Entry] = []
      var nested: [String: [YAMLNode.Entry]] = [:]
      for (i, name) in header.names.enumerated() {
        let text = reader.text(i).trimmingCharacters(in: .whitespaces)
        if text.isEmpty, MailboxKeys.schema.key(name) != nil { continue }
        let node = YAMLNode(.scalar(YAMLScalar(cell: text)), at: reader.place(i))
        if let (outer, inner) = Self.nestedKey(name) {
          guard !text.isEmpty else { continue }
          nested[outer, default: []].append(.init(key: inner, keyPlace: header.places[i], value: node))
          continue
        }
        entries.append(.init(key: name, keyPlace: header.places[i], value: node))
      }
      for (key, own) in nested.sorted(by: { $0.key < $1.key }) {
        guard let first = own.first else { continue }
        let node = YAMLNode(.mapping(own), at: first.value.place)
        entries.append(.init(key: key, keyPlace: first.keyPlace, value: node))
      }
      nodes.append(YAMLNode(.mapping(entries), at: reader.place(0)))
    }
    return hasHeader ? nodes : nil
  }

  /// `ramp_from`, `dkim_selector` and the like: the key, and the key inside it, that a column stands for.
  private static func nestedKey(_ column: String) -> (outer: String, inner: String)? {
    for (outer, schema) in [
      (MailboxKeys.ramp.info.name, RampKeys.schema), (MailboxKeys.dkim.info.name, DKIMKeys.schema),
    ]
    where column.hasPrefix(outer + "_") {
      let inner = String(column.dropFirst(outer.count + 1))
      if schema.key(inner) != nil { return (outer, inner) }
    }
    return nil
  }

  private func ids(_ nodes: [YAMLNode], _ kind: String) -> Set<String> {
    var first: [String: Place] = [:]
    for node in nodes {
      guard let idNode = node["id"], let id = idNode.scalar?.text else { continue }
      if let earlier = first[id] {
        findings.error(idNode.place, "the \(kind) id '\(id)' stands twice, first at \(earlier)")
      } else {
        first[id] = idNode.place
      }
    }
    return Set(first.keys)
  }
}
