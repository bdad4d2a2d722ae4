#if !hasFeature(Embedded)
  // What one process of the command leaves to another.
  extension Storage {
    func close(leavingTo successor: (Int64, Int32) -> Bool) throws(JobError) {
      switch self {
      case .files(let store): try store.close(leavingTo: successor)
      #if MEMORY_STORAGE
        case .memory(let store): try store.close()
      #endif
      }
    }

    func publishOwed(anyway: Bool, cost: Int64) throws(JobError) -> Int64? {
      switch self {
      case .files(let store): try store.publishOwed(anyway: anyway, cost: cost)
      #if MEMORY_STORAGE
        case .memory: nil
      #endif
      }
    }
  }
#endif
