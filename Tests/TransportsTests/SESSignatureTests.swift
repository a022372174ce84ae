import Delivery
import Foundation
import Model
import TestSupport
import Testing

@testable import Transports

/// botocore, which Amazon's own tools sign with, signs the request that a server was sent, and prints the signature, the
/// names of the signed fields and the body's digest.
private let signer = """
  import hashlib, json, sys
  from botocore.auth import SigV4Auth
  from botocore.awsrequest import AWSRequest
  from botocore.credentials import Credentials
  given = json.load(open(sys.argv[1]))
  body = bytes.fromhex(given['body'])
  request = AWSRequest(method='POST', url=given['url'], data=body, headers=given['fields'])
  request.context['timestamp'] = given['fields']['x-amz-date']
  auth = SigV4Auth(Credentials(given['id'], given['key']), 'ses', given['region'])
  text = auth.string_to_sign(request, auth.canonical_request(request))
  print(auth.signature(text, request), auth.signed_headers(auth.headers_to_sign(request)), hashlib.sha256(body).hexdigest())
  """

/// One that has botocore.
private let python: String? = ["python3", "/usr/bin/python3", "/usr/local/bin/python3"].lazy
  .compactMap { Shell.find($0) }.first { (try? Shell.run($0, ["-c", "import botocore.auth"]).status) == 0 }

/// AWS Signature Version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
@Suite(.enabled(if: python != nil, "no python3 here has botocore (pip install botocore)"))
struct SESSignatureTests {
  @Test(
    arguments: [nil, "session/token+value=="],
    ["a\r\n", "Grüße\r\n", String(repeating: "0123456789\r\n", count: 20_000)])
  func botocoreSignsTheSame(session: String?, text: String) throws {
    var sample = ServiceSample.ses
    sample.service = .ses(
      .init(
        region: "eu-west-3", accessKeyID: Secret("AKIAIOSFODNN7EXAMPLE"),
        secretAccessKey: Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), sessionToken: session.map { Secret($0) }))
    let server = try ScriptedHTTPServer(otherwise: sample.accepted)
    let harness = Harness()
    var attempt = sample.attempt(1, server)
    attempt.message = Array(text.utf8)
    #expect(sample.verdict(harness.send(attempt)) == .accepted)
    let request = try #require(server.requests.first)
    let words = (request.fields["authorization"] ?? "").split(separator: " ").map {
      $0.hasSuffix(",") ? String($0.dropLast()) : String($0)
    }
    #expect(words.first == "AWS4-HMAC-SHA256")
    func word(_ name: String) -> String? {
      words.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }
    let names = try #require(word("SignedHeaders")).split(separator: ";").map(String.init)
    #expect(Set(names).isSuperset(of: ["host", "x-amz-date", "x-amz-content-sha256"]))
    #expect(names.contains("x-amz-security-token") == (session != nil))
    let date = try #require(request.fields["x-amz-date"])
    #expect(word("Credential") == "AKIAIOSFODNN7EXAMPLE/\(date.prefix(8))/eu-west-3/ses/aws4_request")

    let fields = JSON.object(names.map { JSON.Member($0, .string(request.fields[$0] ?? "")) })
    var given: [UInt8] = []
    JSON.members(
      ("url", .string("http://127.0.0.1:\(server.port)\(request.target)")), ("fields", fields),
      ("body", .string(Hex.encode(request.body))), ("id", .string("AKIAIOSFODNN7EXAMPLE")),
      ("key", .string("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")), ("region", .string("eu-west-3"))
    ).write(to: &given)
    let folder = try TemporaryFolder(["sign.py": signer, "given": String(decoding: given, as: UTF8.self)])
    let output = try Shell.run(try #require(python), ["sign.py", "given"], folder: folder.path)
    let expected = output.out.split(separator: " ").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
    try #require(expected.count == 3, "\(output.error)")
    #expect(word("Signature") == expected[0])
    #expect(names.joined(separator: ";") == expected[1])
    #expect(request.fields["x-amz-content-sha256"] == expected[2])
  }
}
