import Foundation
import Model

/// Looks at what a mailbox signs its mail with. Whether a file holds a sound key is for those to say who read it: the
/// key itself is no part of a project's inputs.
struct SigningCheck {
  let files: ProjectFiles
  let findings: Findings

  func check(_ mailbox: Mailbox) {
    guard case .email(let sender) = mailbox.sender else { return }
    var seen: Set<String> = []
    for dkim in mailbox.dkim {
      if !seen.insert("\(dkim.selector)._domainkey.\(dkim.domain)").inserted {
        findings.error(
          dkim.place,
          "mailbox '\(mailbox.id)' signs twice as '\(dkim.selector)' of \(dkim.domain); each key has a selector of its own"
        )
      }
      alignment(dkim, sender.address.domain)
      keyFile(dkim)
    }
  }

  /// DMARC counts a signature whose domain is that of the From address or, where its policy is relaxed, shares its
  /// organizational domain (RFC 7489 §3.1.1).
  private func alignment(_ dkim: Mailbox.DKIM, _ from: String) {
    guard from != dkim.domain, !from.hasSuffix("." + dkim.domain) else { return }
    findings.warning(
      dkim.place,
      dkim.domain.hasSuffix("." + from)
        ? "'domain' \(dkim.domain) lies under the From address's \(from): DMARC counts the signature only where the "
          + "policy is relaxed; sign as \(from)"
        : "'domain' \(dkim.domain) is neither the From address's \(from) nor a parent of it: the signature will not "
          + "align and DMARC does not count it")
  }

  private func keyFile(_ dkim: Mailbox.DKIM) {
    var info = stat()
    let path = files.absolute(dkim.keyFile)
    guard !dkim.keyFile.isEmpty, stat(path, &info) == 0 else {
      findings.error(
        dkim.place, "'key_file': there is no file '\(dkim.keyFile)'; nightmail dkim keygen makes a key")
      return
    }
    guard info.st_mode & S_IFMT == S_IFREG else {
      findings.error(dkim.place, "'key_file': '\(dkim.keyFile)' is no file")
      return
    }
    guard access(path, R_OK) == 0 else {
      findings.error(
        dkim.place, "'key_file': '\(dkim.keyFile)' cannot be read: \(String(cString: strerror(errno)))")
      return
    }
    if info.st_mode & (S_IROTH | S_IWOTH) != 0 {
      findings.warning(
        dkim.place, "'key_file': every user of this machine can read '\(dkim.keyFile)'; chmod 600 keeps it to its owner"
      )
    }
  }
}
