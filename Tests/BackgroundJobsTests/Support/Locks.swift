import CPosix
import Foundation

/// A lock that ends with its descriptor may live on for a moment: a test beside us is just starting
/// a process, which has copies of all descriptors until it executes.
enum Locks {
  static func waitUntilFree(_ path: String) throws {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    try waitUntilFree { cposix_ofd_test(file.fileDescriptor) != 1 }
  }

  static func waitUntilFree(_ isFree: () throws -> Bool) throws {
    for _ in 0..<2000 {
      if try isFree() { return }
      usleep(1000)
    }
    throw CocoaError(.fileLocking)
  }
}
