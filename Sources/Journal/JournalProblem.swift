import SystemPackage

/// Why a file of the journal could not be read or written: where, what the system or the file says, and what to do.
public enum JournalProblem: Error, Hashable, Sendable {
  /// What was being done when the system refused.
  public enum Operation: String, Hashable, Sendable {
    case open, read, write, sync, rename, remove, truncate, create, list, lock, close
  }

  /// The system refused; `code` is its errno.
  case system(Operation, path: String, code: Int32)
  /// A file that must be there is not.
  case missing(path: String)
  /// A line that is not what the format says. `line` counts from 1; 0 means the file as a whole.
  case malformed(path: String, line: Int, message: String)
  /// Written by a later version of Nightmail.
  case version(path: String, found: Int64)
  /// Results or approvals are broken elsewhere than in a torn last line: somebody edited them, or the disk lost them.
  case damaged(path: String, line: Int, message: String)
  /// An earlier write to this file failed; what is on disk is not known until it is opened again.
  case stopped(path: String)
  /// The list of planned lines belongs to another plan: planning was interrupted, or the header was edited.
  case interrupted(path: String)

  public var path: String {
    switch self {
    case .system(_, let path, _), .missing(let path), .malformed(let path, _, _), .version(let path, _),
      .damaged(let path, _, _), .stopped(let path), .interrupted(let path):
      path
    }
  }

  /// Whether the same call can do better later without anybody changing the file: room made, a lock let go.
  public var retryHelps: Bool {
    switch self {
    case .system(_, _, let code):
      [Errno.noSpace, .diskQuotaExceeded, .ioError, .tooManyOpenFiles, .tooManyOpenFilesInSystem].contains(
        Errno(rawValue: code))
    case .missing, .malformed, .version, .damaged, .stopped, .interrupted: false
    }
  }
}

extension JournalProblem: CustomStringConvertible {
  /// One sentence: `path:line: what; what to do`.
  public var description: String {
    switch self {
    case .system(let operation, let path, let code):
      "\(path): cannot \(operation.rawValue): \(Errno(rawValue: code)); \(Self.advice(Errno(rawValue: code)))"
    case .missing(let path): "\(path): no such file; plan first, or name the right one"
    case .malformed(let path, let line, let message):
      line == 0 ? "\(path): \(message)" : "\(path):\(line): \(message)"
    case .version(let path, let found):
      "\(path):1: written in format \(found), which this version cannot read; use a newer nightmail"
    case .damaged(let path, let line, let message):
      "\(path):\(line): \(message); nothing but nightmail may write here: restore the file, or take out this line "
        + "knowing that what it recorded is forgotten"
    case .stopped(let path): "\(path): an earlier write failed; nothing more is recorded by this run; run again"
    case .interrupted(let path):
      "\(path): is not the plan that was written last: planning was interrupted, or the header was changed; plan again"
    }
  }

  private static func advice(_ code: Errno) -> String {
    switch code {
    case .noSpace, .diskQuotaExceeded: "make room on the disk and run again"
    case .permissionDenied, .notPermitted, .readOnlyFileSystem: "give the user that runs nightmail access to it"
    case .tooManyOpenFiles, .tooManyOpenFilesInSystem: "raise the limit of open files (ulimit -n)"
    case .fileTooLarge: "raise the limit on the size of files (ulimit -f) and run again"
    case .ioError: "check the disk"
    case .isDirectory, .notDirectory: "a file stands where a folder should, or the other way round"
    case .noSuchFileOrDirectory: "create it, or name the right one"
    default: "see to it and run again"
    }
  }
}
