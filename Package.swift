// swift-tools-version: 6.1
import PackageDescription

// One room a target; data flows from top to bottom and each room knows only the rooms above it.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny")
]

func room(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies + ["TestSupport"], exclude: exclude, swiftSettings: strict)
}

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
  name: "nightmail",
  products: [.executable(name: "nightmail", targets: ["nightmail"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
  ],
  targets: [
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CMemory"),
    .systemLibrary(name: "CResolver"),
    room("Model", ["CMemory", crypto]),
    room("Config", ["Model", "CYAML"]),
    room("Planning", ["Model", "CMemory", collections]),
    room("Messages", ["Model", crypto, cryptoExtras, mustache]),
    room("Journal", ["Model", "CMemory", crypto, system]),
    room("Delivery", ["Model", "Messages", "Journal", collections]),
    room(
      "Transports", ["Model", "Delivery", "CCurl", "CResolver", subprocess, system], exclude: ["Providers.md"]),
    room("Reporting", ["Model", "Journal"]),
    .executableTarget(
      name: "nightmail",
      dependencies: [
        "Model", "Config", "Planning", "Messages", "Journal", "Delivery", "Transports", "Reporting", "CMemory",
        arguments, logging,
      ],
      swiftSettings: strict),
    .target(name: "TestSupport", dependencies: ["Model"], swiftSettings: strict),
    tests("ModelTests", ["Model"]),
    tests("ConfigTests", ["Config", "Model"], exclude: ["Broken"]),
    tests("PlanningTests", ["Planning"], exclude: ["Rules.md"]),
    tests("MessagesTests", ["Messages", crypto, cryptoExtras]),
    tests("JournalTests", ["Journal"], exclude: ["Samples"]),
    tests("DeliveryTests", ["Delivery", "Messages", "Journal"]),
    tests("TransportsTests", ["Transports", "Delivery"]),
    tests("ReportingTests", ["Reporting", "Journal"]),
    .testTarget(
      name: "EndToEnd",
      dependencies: ["TestSupport", "Model", "Config", "Messages", "Transports", "Reporting", "nightmail"],
      exclude: ["Cluster", "Faults", "Scenarios"],
      swiftSettings: strict),
    .executableTarget(
      name: "Benchmarks", dependencies: ["TestSupport", "Model", "Config", "Planning", "Messages", "Journal"],
      path: "Tests/Benchmarks", exclude: ["README.md", "duckdb_peer.py"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
