import Foundation
import Model
import TestSupport

/// The webhook transport over HTTP/1.1 with kept connections to nginx on this machine, beside `wrk` with as many
/// connections posting the same body.
enum WebhookBenchmark {
  static func run() throws {
    guard let nginx = Shell.find("nginx"), let wrk = Shell.find("wrk") else {
      return print("\ndelivery: the webhook's needs nginx and wrk (Debian: nginx-light, wrk)")
    }
    let count = 20_000
    let connections = 20
    let port = LoopbackPort.free()
    let folder = try TemporaryFolder()
    try folder.write(
      """
      daemon off;
      worker_processes 1;
      pid \(folder.file("pid"));
      error_log /dev/null;
      events { worker_connections 1000; }
      http {
        access_log off;
        client_body_temp_path \(folder.file("body"));
        proxy_temp_path \(folder.file("proxy"));
        fastcgi_temp_path \(folder.file("fastcgi"));
        uwsgi_temp_path \(folder.file("uwsgi"));
        scgi_temp_path \(folder.file("scgi"));
        keepalive_requests 1000000;
        server { listen 127.0.0.1:\(port); location / { return 200 '{"id":"1"}'; } }
      }

      """, to: "nginx.conf")
    let server = try RunningProgram(nginx, ["-p", folder.path, "-c", folder.file("nginx.conf")])
    defer { server.stop() }
    guard LoopbackPort.waitUntilOpen(port) else { return print("\ndelivery: nginx did not start") }
    let body = #"{"id":"00000000000000000000000000000000","phone":"+15550000000","text":"Your code is 123456"}"#
    try folder.write(
      "wrk.method = 'POST'\nwrk.body = '\(body)'\nwrk.headers['Content-Type'] = 'application/json'\n", to: "post.lua")
    let project = try project(count, connections: connections, port: port)
    print("\ndelivery: \(count) webhook requests, \(connections) connections, to nginx; median of 5\n")
    Benchmarks.row("", ["requests/s", "of the peer", "CPU us each"])
    let peer = Program(
      path: wrk,
      arguments: [
        "-t", "1", "-c", String(connections), "-d", "2", "-s", folder.file("post.lua"),
        "http://127.0.0.1:\(port)/v1/send/1",
      ])
    let scores = try Contest(entries: [
      .init(name: "peer", program: peer),
      .init(name: "send", program: try project.program("send", ["--json"]), prepare: project.plan),
    ]).run(5)
    guard let theirs = scores["peer"], let ours = scores["send"] else { return }
    let rates = theirs.outputs.compactMap(requests)
    let theirRate = Benchmarks.median(rates)
    let ourRate = Benchmarks.median(ours.outputs.compactMap { DeliveryProject.rate($0) })
    func row(_ name: String, _ rate: Double, _ cpu: Double) {
      Benchmarks.row(
        name, [Benchmarks.fixed(rate, 0), Benchmarks.fixed(rate / theirRate), Benchmarks.fixed(cpu * 1e6, 0)])
    }
    row("wrk -t 1 -c \(connections)", theirRate, theirs.cpu / (theirRate * 2))
    row("nightmail send, delivering", ourRate, ours.cpu / Double(count))
  }

  /// The figure in wrk's line `Requests/sec:  1234.56`.
  private static func requests(_ output: String) -> Double? {
    output.split(separator: "\n").first { $0.hasPrefix("Requests/sec:") }.flatMap { line in
      line.split(separator: " ").last.flatMap { Double($0) }
    }
  }

  private static func project(_ count: Int, connections: Int, port: Int) throws -> DeliveryProject {
    let folder = try TemporaryFolder()
    try folder.write("timezone: Europe/Berlin\nseed: 7\napproval: optional\n", to: "campaigns/settings.yaml")
    try folder.write(
      """
      status: active
      class: transactional
      audience: {messages: [codes.csv], key: [phone]}
      mailboxes: {tag: codes}
      steps: [{id: code, channel: sms, text: {inline: "Your code is {{code}}"}}]

      """, to: "campaigns/codes/campaign.yaml")
    var rows = "phone,code,send_at\n"
    for i in 0..<count { rows += "+1555\(1_000_000 + i),\(100_000 + i),2026-11-23T10:00:00+01:00\n" }
    try folder.write(rows, to: "data/messages/codes.csv")
    var boxes = "id,from,providers,tags\n"
    for i in 0..<20 { boxes += "sms\(i),+4930\(1_000_000 + i),hook,codes\n" }
    try folder.write(boxes, to: "data/mailboxes.csv")
    try folder.write(
      """
      - id: hook
        type: webhook
        channel: sms
        url: "http://127.0.0.1:\(port)/v1/send/{{id}}"
        body: '{"id":"{{id}}","phone":"{{phone}}","text":"{{text}}"}'
        max_connections: \(connections)
        messages_per_connection: 1000000

      """, to: "data/providers.yaml")
    return DeliveryProject(folder: folder)
  }
}
