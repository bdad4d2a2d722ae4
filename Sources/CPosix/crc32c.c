/* CRC-32C with the processor's own instruction: Swift has no name for it. */
#include "CPosix.h"

#if defined(__x86_64__)
#include <nmmintrin.h>

#define CRC_TARGET __attribute__((target("sse4.2")))
#define CRC_8(crc, word) ((uint32_t)_mm_crc32_u64(crc, word))
#define CRC_1(crc, byte) _mm_crc32_u8(crc, byte)

static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }

#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>

#define CRC_TARGET __attribute__((target("+crc")))
#define CRC_8(crc, word) __crc32cd(crc, word)
#define CRC_1(crc, byte) __crc32cb(crc, byte)

static int has_instruction(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }

#endif

#ifdef CRC_TARGET

CRC_TARGET static uint32_t update(uint32_t crc, const unsigned char *next, size_t count) {
  for (; count >= 8; count -= 8, next += 8) {
    uint64_t word;
    memcpy(&word, next, 8);
    crc = CRC_8(crc, word);
  }
  for (; count > 0; count--) crc = CRC_1(crc, *next++);
  return crc;
}

int cposix_crc32c(uint32_t *crc, const void *bytes, size_t count) {
  if (!has_instruction()) return 0;
  *crc = update(*crc, bytes, count);
  return 1;
}

#else

int cposix_crc32c(uint32_t *crc, const void *bytes, size_t count) {
  (void)crc, (void)bytes, (void)count;
  return 0;
}

#endif
