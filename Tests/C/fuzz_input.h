/* What fuzz.c throws at the library. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdint.h>

void set_seed(uint64_t seed);
uint64_t below(uint64_t bound); /* 0 to bound - 1 */
int chance(uint64_t one_in);

/* Strings live until the round's end, or until so many more were asked for that their place is used
 * again. NULL is one of them. */
const char *any_name(void); /* mostly one of a few good ones, so that calls meet */
const char *any_text(void); /* good, odd, not UTF-8, far too long */
const char *any_json(void);
int64_t any_number(void);

/* Another tool writes the state file: well, badly, half. */
void edit_state_file(const char *project);

/* Files of the store are cut, changed, removed, set back, or something else takes their names. */
void damage_files(const char *project);

#endif
