#ifndef BGJOBS_HANDLES_H
#define BGJOBS_HANDLES_H

/* Bodies for the opaque types, for Swift only: without them all would be OpaquePointer and could be
 * mixed up. The addresses are those of Swift objects; nothing ever reads these bytes. */
struct bgj_manager { char unused; };
struct bgj_job { char unused; };
struct bgj_job_list { char unused; };
struct bgj_item_list { char unused; };

#endif
