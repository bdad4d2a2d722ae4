/* CRC-32C with the processor's own instruction: Swift has no name for it. */
#include "CPosix.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <nmmintrin.h>
#include <stdatomic.h>

#define CRC_TARGET __attribute__((target("sse4.2")))
#define CRC_8(crc, word) ((uint32_t)_mm_crc32_u64(crc, word))
#define CRC_1(crc, byte) _mm_crc32_u8(crc, byte)

/* __builtin_cpu_supports brings a table of all processors with it, which has 5 kB. */
static int has_instruction(void) {
  static atomic_int answer;
  int known = atomic_load_explicit(&answer, memory_order_relaxed);
  if (known == 0) {
    unsigned a, b, c, d;
    known = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2) ? 1 : -1;
    atomic_store_explicit(&answer, known, memory_order_relaxed);
  }
  return known > 0;
}

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
