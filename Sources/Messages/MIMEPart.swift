import Model

/// One body part of a message (RFC 2046 §5.1): its `Content-…` fields and its encoded content, ending in CRLF.
struct MIMEPart: Sendable {
  var header: [UInt8]
  var body: [UInt8]

  /// `text/plain` or `text/html`.
  static func text(_ text: String, subtype: String) -> MIMEPart {
    let (encoding, bytes) = BodyEncoding.encode(text: text)
    var header = HeaderBlock()
    header.add("Content-Type", "text/\(subtype); charset=utf-8")
    header.add("Content-Transfer-Encoding", encoding.rawValue)
    return MIMEPart(header: header.bytes, body: bytes)
  }

  /// Parts one after another, `alternative` (plainest first) or `mixed`.
  ///
  /// The boundary follows from the send's id, so the same send gives the same bytes. Its `=_` cannot occur in
  /// quoted-printable or base64; for content sent as it is, and for parts inside, a counter is raised until it does
  /// not occur.
  static func multipart(_ subtype: String, _ parts: [MIMEPart], id: SendID) -> MIMEPart {
    var boundary = "=_\(id.text)_\(subtype)"
    var counter = 0
    while parts.contains(where: { contains(Array(boundary.utf8), in: $0.body) }) {
      counter += 1
      boundary = "=_\(id.text)_\(subtype)_\(counter)"
    }
    var header = HeaderBlock()
    header.add("Content-Type", "multipart/\(subtype);\r\n boundary=\"\(boundary)\"")
    var body: [UInt8] = []
    body.reserveCapacity(parts.reduce(256) { $0 + $1.header.count + $1.body.count + 128 })
    for part in parts {
      body.append(contentsOf: "--\(boundary)\r\n".utf8)
      body.append(contentsOf: part.header)
      body.append(contentsOf: [0x0D, 0x0A])
      body.append(contentsOf: part.body)
      // The CRLF before a boundary is the boundary's (RFC 2046 §5.1.1); the part keeps its own.
      body.append(contentsOf: [0x0D, 0x0A])
    }
    body.append(contentsOf: "--\(boundary)--\r\n".utf8)
    return MIMEPart(header: header.bytes, body: body)
  }

  /// A file beside the text, in base64. Its name is the path's last component, its type goes by the name's ending.
  static func attachment(path: String, bytes: [UInt8]) -> MIMEPart {
    let name = HeaderText.clean(String(path.split(separator: "/").last ?? "attachment"))
    var type = ContentTypes.type(of: name)
    if type.hasPrefix("text/"), String(validating: bytes, as: UTF8.self) != nil { type += "; charset=utf-8" }
    var header = HeaderBlock()
    header.add("Content-Type", type)
    header.add("Content-Disposition", Array("attachment".utf8) + parameter("filename", name))
    header.add("Content-Transfer-Encoding", BodyEncoding.base64.rawValue)
    let encoded = Base64.lines(bytes)
    return MIMEPart(header: header.bytes, body: encoded.isEmpty ? [0x0D, 0x0A] : encoded)
  }

  /// The same attachment for a service that writes the part's header itself.
  static func plain(path: String, _ part: MIMEPart) -> MessageParts.Attachment {
    let name = HeaderText.clean(String(path.split(separator: "/").last ?? "attachment"))
    return MessageParts.Attachment(name: name, type: ContentTypes.type(of: name), base64Lines: part.body)
  }

  /// A parameter on lines of its own. A short ASCII value is a quoted string; any other is given twice, as a plain one
  /// with `_` for what does not fit, for old readers, and in RFC 2231's form: UTF-8, percent-encoded, in pieces
  /// that keep the lines short.
  static func parameter(_ name: String, _ value: String) -> [UInt8] {
    if value.utf8.count <= 55, value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), !HeaderText.looksEncoded(value) {
      return Array(";\r\n \(name)=".utf8) + HeaderText.quoted(value)
    }
    var plain = value.unicodeScalars.map {
      $0.value >= 0x20 && $0.value < 0x7F && !"\"\\?".unicodeScalars.contains($0) ? Character($0) : "_"
    }
    if plain.count > 55 {
      let ending = plain.lastIndex(of: ".").map { Array(plain[$0...]) } ?? []
      let kept = ending.count <= 10 ? ending : []
      plain = Array(plain.prefix(55 - kept.count)) + kept
    }
    var pieces: [String] = [""]
    for scalar in value.unicodeScalars {
      let encoded = Percent.encode(String(scalar))
      if (pieces.last?.utf8.count ?? 0) + encoded.utf8.count > 50 { pieces.append("") }
      pieces[pieces.count - 1] += encoded
    }
    var out: [UInt8] = []
    for (i, piece) in pieces.enumerated() {
      let section = pieces.count == 1 ? "*" : "*\(i)*"
      out.append(contentsOf: ";\r\n \(name)\(section)=\(i == 0 ? "utf-8''" : "")\(piece)".utf8)
    }
    // The plain one comes last: some readers that know both forms keep to whichever is first.
    return out + Array(";\r\n \(name)=".utf8) + HeaderText.quoted(String(plain))
  }

  private static func contains(_ needle: [UInt8], in bytes: [UInt8]) -> Bool {
    guard bytes.count >= needle.count, let first = needle.first else { return false }
    var i = 0
    while i + needle.count <= bytes.count {
      if bytes[i] == first, bytes[i..<(i + needle.count)].elementsEqual(needle) { return true }
      i += 1
    }
    return false
  }
}

/// Media types by a file name's ending (IANA's registry).
enum ContentTypes {
  static func type(of name: String) -> String {
    guard let dot = name.lastIndex(of: ".") else { return unknown }
    return table[name[name.index(after: dot)...].lowercased()] ?? unknown
  }

  /// A message as an attachment has it too: `message/rfc822` must not be base64 (RFC 2046 §5.2.1).
  private static let unknown = "application/octet-stream"

  private static let table: [String: String] = [
    "pdf": "application/pdf", "zip": "application/zip", "gz": "application/gzip", "json": "application/json",
    "xml": "application/xml", "rtf": "application/rtf", "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text", "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation", "epub": "application/epub+zip",
    "pkpass": "application/vnd.apple.pkpass",
    "txt": "text/plain", "md": "text/markdown", "csv": "text/csv", "html": "text/html", "htm": "text/html",
    "css": "text/css", "ics": "text/calendar", "vcf": "text/vcard",
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "svg": "image/svg+xml", "tif": "image/tiff", "tiff": "image/tiff", "bmp": "image/bmp", "heic": "image/heic",
    "avif": "image/avif",
    "mp3": "audio/mpeg", "m4a": "audio/mp4", "wav": "audio/wav", "ogg": "audio/ogg",
    "mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm",
  ]
}
