/* The layouts that hosts have compiled in. A failure here is a broken ABI, not a wrong test. */
#include "bgjobs.h"

#if !defined(__LP64__)
#error "bgjobs supports 64-bit Linux only"
#endif

_Static_assert(sizeof(bgj_status) == 4, "bgj_status is an int");
_Static_assert(sizeof(bgj_error) == 512, "bgj_error");
_Static_assert(offsetof(bgj_error, message) == 16, "bgj_error.message");
_Static_assert(sizeof(bgj_options) == 48, "bgj_options");
_Static_assert(offsetof(bgj_options, clock) == 24, "bgj_options.clock");
_Static_assert(sizeof(bgj_start_options) == 24, "bgj_start_options");
_Static_assert(sizeof(bgj_job_info) == 352, "bgj_job_info");
_Static_assert(offsetof(bgj_job_info, status) == 40, "bgj_job_info.status");
_Static_assert(offsetof(bgj_job_info, rate) == 128, "bgj_job_info.rate");
_Static_assert(offsetof(bgj_job_info, attempts) == 224, "bgj_job_info.attempts");
_Static_assert(offsetof(bgj_job_info, stalled) == 228, "bgj_job_info.stalled");
_Static_assert(offsetof(bgj_job_info, finish_ms) == 248, "bgj_job_info.finish_ms");
_Static_assert(offsetof(bgj_job_info, refused_ms) == 256, "bgj_job_info.refused_ms");
_Static_assert(offsetof(bgj_job_info, has_warnings) == 272, "bgj_job_info.has_warnings");
_Static_assert(offsetof(bgj_job_info, items_skipped) == 280, "bgj_job_info.items_skipped");
_Static_assert(offsetof(bgj_job_info, items_under_way) == 288, "bgj_job_info.items_under_way");
_Static_assert(offsetof(bgj_job_info, lane) == 312, "bgj_job_info.lane");
_Static_assert(sizeof(bgj_queue_options) == 56, "bgj_queue_options");
_Static_assert(sizeof(bgj_claim_options) == 48, "bgj_claim_options");
_Static_assert(sizeof(bgj_item) == 32, "bgj_item");
_Static_assert(offsetof(bgj_item, why) == 24, "bgj_item.why");
