#include <jansson.h>

/* json_decref is a static inline over a private counter and json_typeof a macro: Swift can call only
 * functions. */
static inline void bgjobs_json_release(json_t *value) { json_decref(value); }
static inline json_type bgjobs_json_type(const json_t *value) { return json_typeof(value); }
