// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are those of the header.

import CBgjobs
import CPosix

#if !hasFeature(Embedded)
  import BackgroundJobs
#endif

/// Text for the life of the process.
private func pointer(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

@_cdecl("bgj_version") @implementation
public func bgj_version() -> UnsafePointer<CChar>? { pointer("0.2.0") }

@_cdecl("bgj_status_name") @implementation
public func bgj_status_name(_ status: bgj_status) -> UnsafePointer<CChar>? {
  switch Status(rawValue: Int32(bitPattern: status.rawValue)) {
  case .ok: pointer("BGJ_OK")
  case .paused: pointer("BGJ_PAUSED")
  case .resumed: pointer("BGJ_RESUMED")
  case .end: pointer("BGJ_END")
  case .waiting: pointer("BGJ_WAITING")
  case .retrying: pointer("BGJ_RETRYING")
  case .finished: pointer("BGJ_FINISHED")
  case .invalid: pointer("BGJ_INVALID")
  case .notFound: pointer("BGJ_NOT_FOUND")
  case .ambiguous: pointer("BGJ_AMBIGUOUS")
  case .illegalTransition: pointer("BGJ_ILLEGAL_TRANSITION")
  case .busy: pointer("BGJ_BUSY")
  case .timeout: pointer("BGJ_TIMEOUT")
  case .damaged: pointer("BGJ_DAMAGED")
  case .io: pointer("BGJ_IO")
  case .noSpace: pointer("BGJ_NO_SPACE")
  case .noMemory: pointer("BGJ_NO_MEMORY")
  case .unsupported: pointer("BGJ_UNSUPPORTED")
  case .forked: pointer("BGJ_FORKED")
  case nil: pointer("BGJ_?")
  }
}

@_cdecl("bgj_status_message") @implementation
public func bgj_status_message(_ status: bgj_status) -> UnsafePointer<CChar>? {
  pointer(words(for: Status(rawValue: Int32(bitPattern: status.rawValue))))
}

/// nil: a number that we do not know.
func words(for status: Status?) -> StaticString {
  switch status {
  case .ok: "done"
  case .paused: "the job is paused"
  case .resumed: "the job was resumed meanwhile and is still yours"
  case .end: "there is no further item"
  case .waiting: "something must come first"
  case .retrying: "this attempt has failed; the job is tried again later"
  case .finished: "the job has ended; nothing was kept"
  case .invalid: "an argument is not valid"
  case .notFound: "there is no such job"
  case .ambiguous: "several ids begin so"
  case .illegalTransition: "the job's status does not allow this"
  case .busy: "another process is in the way"
  case .timeout: "the time has passed"
  case .damaged: "a file is damaged"
  case .io: "the operating system refused"
  case .noSpace: "there is no space left"
  case .noMemory: "there is no memory left"
  case .unsupported: "this is not supported here"
  case .forked: "the handle came through a fork"
  case nil: "unknown status"
  }
}

@_cdecl("bgj_string_free") @implementation
public func bgj_string_free(_ string: UnsafeMutablePointer<CChar>?) { free(string) }
