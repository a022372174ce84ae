import ArgumentParser
import Foundation
import Journal
import Messages
import Model

struct DkimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dkim", abstract: "Keys that sign the mail of a domain.", subcommands: [Keygen.self])

  struct Keygen: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "keygen",
      abstract: "Makes a key; prints the DNS record that publishes it and the lines for mailboxes.yaml.",
      discussion: """
        Sign with RSA, and with Ed25519 besides if you like: many receivers cannot check Ed25519 yet. Each key has a \
        selector of its own. Publish the record before the first mail goes out.
        """)

    enum KeyType: String, ExpressibleByArgument, CaseIterable { case ed25519, rsa }

    @OptionGroup var options: GlobalOptions
    @Option(help: ArgumentHelp("The domain that vouches for the mail, such as example.com.", valueName: "name"))
    var domain: String
    @Option(help: ArgumentHelp("The key's name within the domain, such as s1.", valueName: "name"))
    var selector: String
    @Option(help: "rsa, which every receiver can check, or ed25519.")
    var type: KeyType = .rsa
    @Option(help: ArgumentHelp("Of an RSA key: 2048, 3072 or 4096; by default 2048.", valueName: "n"))
    var bits: Int?
    @Option(
      help: ArgumentHelp(
        "Where the private key goes; by default dkim-SELECTOR-DOMAIN.pem in the project.", valueName: "file"))
    var out: String?

    func run() throws {
      guard let domain = EmailAddress.domain(domain) else {
        throw Failure(.failed, "--domain is a host name such as example.com, not '\(domain)'")
      }
      let name = DKIMKey.recordName(selector: selector.lowercased(), domain: domain)
      guard EmailAddress.domain(selector + ".example") != nil, name.utf8.count <= 253 else {
        throw Failure(.failed, "--selector is letters, digits, '-' and dots such as s1, not '\(selector)'")
      }
      let key = try key()
      let path = GlobalOptions.absolute(
        out ?? "\(options.projectFolder)/dkim-\(selector.lowercased())-\(domain).pem")
      guard try AtomicFile.create(Array(key.pem.utf8), at: path) else {
        throw Failure(
          .failed, "\(path) is there already, and a key that is in use must not be lost; choose another --out")
      }
      if let inside = relative(path), !isIgnored(inside) {
        // Said in any case: a key in git is a key that others have.
        Console.error(
          "warning: no line of the project's .gitignore covers \(inside), the private key; add a line '*.pem' or its name "
            + "before the next commit")
      }
      let entry =
        "{domain: \(domain), selector: \(Self.quoted(selector.lowercased())), key_file: \(Self.quoted(shown(path)))}"
      if options.json {
        return Console.out(
          .members(
            ("file", .string(path)), ("name", .string(name)), ("value", .string(key.record)),
            ("strings", .array(key.recordStrings.map { .string($0) })), ("mailbox", .string("dkim: \(entry)"))))
      }
      Console.out(
        """
        Wrote \(path)

        Publish this TXT record:

        \(name). IN TXT ( \(key.recordStrings.map { "\"\($0)\"" }.joined(separator: "\n  ")) )

        For each mailbox of the domain in mailboxes.yaml:

          dkim: \(entry)
        """)
      if !options.quiet {
        Console.out(
          "\nKeep the key out of git: whoever has it signs in the domain's name. A line '*.pem' in .gitignore does it.")
      }
    }

    private func key() throws -> DKIMKey {
      switch type {
      case .ed25519:
        guard bits == nil else { throw Failure(.failed, "--bits is for --type rsa; every Ed25519 key has 256") }
        return DKIMKey.makeEd25519()
      case .rsa:
        let bits = bits ?? DKIMKey.leastRSABits
        guard [2048, 3072, 4096].contains(bits) else {
          throw Failure(
            .failed,
            "--bits is 2048, 3072 or 4096, not \(bits): receivers trust no shorter key, and need not take a longer one")
        }
        return try DKIMKey.makeRSA(bits: bits)
      }
    }

    /// As `key_file` names it: relative to the project where it lies inside.
    private func shown(_ path: String) -> String { relative(path) ?? path }

    /// A path within the project; nil for one outside.
    private func relative(_ path: String) -> String? {
      let folder = options.projectFolder + "/"
      return path.hasPrefix(folder) ? String(path.dropFirst(folder.count)) : nil
    }

    /// Whether a line of the project's `.gitignore` names the file, its ending, or a folder that it lies in. Git knows
    /// more patterns; a warning too many does no harm.
    private func isIgnored(_ path: String) -> Bool {
      let parts = path.split(separator: "/").filter { $0 != "." }
      let lines = FileManager.default.contents(atPath: "\(options.projectFolder)/.gitignore")
      guard let name = parts.last, let lines else { return false }
      var covering: Set<String> = [String(name)]
      if let dot = name.lastIndex(of: ".") { covering.insert("*\(name[dot...])") }
      for count in 1...parts.count {
        let part = parts.prefix(count).joined(separator: "/")
        covering.formUnion([part, "/" + part])
        if count < parts.count { covering.formUnion([part + "/", "/" + part + "/"]) }
      }
      return String(decoding: lines, as: UTF8.self).split(whereSeparator: \.isNewline).contains { line in
        covering.contains(line.trimmingCharacters(in: .whitespaces))
      }
    }

    /// As YAML reads it for what it is: plain, or in double quotes where a plain one would be a number or more.
    private static func quoted(_ text: String) -> String {
      let isPlain =
        text.utf8.first.map { $0 >= 0x61 && $0 <= 0x7A || $0 == 0x2F } == true
        && text.utf8.allSatisfy { byte in
          (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x30 && byte <= 0x39)
            || "-_./".utf8.contains(byte)
        }
      return isPlain ? text : JSON.string(text).text
    }
  }
}
