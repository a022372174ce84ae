import CCurl
import Model

/// What libcurl tells of a server's certificate (`CURLINFO_CERTINFO`, as text in the TLS library's own form).
enum Certificate {
  /// When the first certificate of the chain to run out does so; nil where nothing is told.
  static func ends(of easy: UnsafeMutableRawPointer) -> Instant? {
    guard let info = nm_certinfo(easy)?.pointee, let lists = info.certinfo else { return nil }
    var earliest: Instant?
    for number in 0..<Int(info.num_of_certs) {
      var entry = lists[number]
      while let field = entry {
        if let text = field.pointee.data.map({ String(cString: $0) }), let end = end(text) {
          earliest = min(earliest ?? end, end)
        }
        entry = field.pointee.next
      }
    }
    return earliest
  }

  /// `Expire date:Nov 30 12:00:00 2026 GMT` as OpenSSL has it, `Expire date:2026-11-30 12:00:00 GMT` as GnuTLS does.
  static func end(_ field: String) -> Instant? {
    let prefix = "Expire date:"
    guard field.hasPrefix(prefix) else { return nil }
    let words = field.dropFirst(prefix.count).split(separator: " ")
    if words.count == 3, words[2] == "GMT" { return Instant("\(words[0])T\(words[1])Z") }
    guard words.count == 5, words[4] == "GMT", let month = month(words[0]) else { return nil }
    let day = words[1].count == 1 ? "0\(words[1])" : String(words[1])
    return Instant("\(words[3])-\(month)-\(day)T\(words[2])Z")
  }

  /// `01` of `Jan`.
  static func month(_ name: Substring) -> String? {
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return names.firstIndex { $0 == name }.map { $0 < 9 ? "0\($0 + 1)" : "\($0 + 1)" }
  }
}
