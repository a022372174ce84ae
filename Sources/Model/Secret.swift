/// Where a secret comes from. Files in git hold only this; the value is fetched by `send` and `doctor`.
public enum SecretReference: Hashable, Sendable {
  /// `{env: NAME}`: an environment variable.
  case environment(String)
  /// `{file: PATH}`: a file's content less the final line break; relative paths are the project's.
  case file(String)
  /// `{command: [program, argument, …]}`: what the program prints, less the final line break.
  case command([String])
}

/// A secret's value. It prints as `<redacted>` however it is interpolated, dumped or logged.
public struct Secret: Hashable, Sendable {
  /// The value itself. Only a transport, at the moment of logging in, has a reason to read it.
  public let revealed: String
  public init(_ value: String) { revealed = value }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "<redacted>" }
  public var debugDescription: String { "<redacted>" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
