import CPosix

/// A Swift object that cannot be allocated ends the process, so there is a reserve for them. Whoever
/// is about to make many asks first; nothing is changed yet.
@inline(never)
package func requireMemory() throws(JobError) {
  guard cposix_is_short_of_memory() == 0 else {
    throw JobError(.noMemory, "there is no memory left", osError: ENOMEM)
  }
}
