import Delivery
import Model

/// Amazon SES v2, SendEmail with our own message as raw content
/// (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html). SES puts a Message-ID and Date of its
/// own in their place.
enum SES {
  static func request(
    _ attempt: OutgoingAttempt, url: String, _ ses: HTTPService<Secret>.SES
  ) throws(HTTPRequest.Problem) -> HTTPRequest {
    guard !attempt.needsSMTPUTF8 else {
      throw HTTPRequest.Problem("the address has characters outside ASCII before its @, which SES does not take")
    }
    let body = JSON.members(
      ("FromEmailAddress", .string(attempt.from)),
      ("Destination", .members(("ToAddresses", .array([.string(attempt.to)])))),
      ("Content", .members(("Raw", .members(("Data", .string(base64(attempt.message))))))),
      ("EmailTags", .array([.members(("Name", .string("send_id")), ("Value", .string(attempt.sendID.text)))])),
      ("ConfigurationSetName", ses.configurationSet.map(JSON.string)))
    var request = HTTPRequest.json(
      url: url + "/v2/email/outbound-emails", [], body,
      signing: HTTPRequest.Signing(
        region: ses.region, service: "ses", accessKeyID: ses.accessKeyID, secretAccessKey: ses.secretAccessKey))
    // libcurl hashes a body for the signature only if it is given as one string; this says it the hash.
    request.fields.append(.init("x-amz-content-sha256", String(Hex.digest(request.body).dropFirst("sha256:".count))))
    if let token = ses.sessionToken { request.fields.append(.init("x-amz-security-token", token.revealed)) }
    // And it signs the name without the port.
    if let address = WebAddress(url), address.port != nil { request.fields.append(.init("Host", address.authority)) }
    return request
  }

  /// `{"MessageId":"…"}`, or `{"message":"…"}` with the error's name in `x-amzn-ErrorType` or `__type`.
  static func reply(_ response: HTTPResponse) -> Reply {
    let json = response.json
    let type = response.fields["x-amzn-errortype"] ?? json?["__type"]?.string ?? json?["code"]?.string
    // `MessageRejected:http://…` and `com.amazonaws.ses#MessageRejected` both occur (AWS JSON protocols).
    let name = type.map { String(($0.split(separator: ":").first ?? "").split(separator: "#").last ?? "") }
    let id = json?["MessageId"]?.string
    return response.reply(
      code: name.flatMap { $0.isEmpty ? nil : $0 }, words: json?["message"]?.string ?? json?["Message"]?.string, id: id,
      isSound: response.status >= 300 || (response.status == 200 && id != nil))
  }
}
