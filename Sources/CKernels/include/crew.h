//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_CREW_H
#define C_KERNELS_CREW_H

#include <stddef.h>
#include <stdint.h>

// Threads that work side by side on pieces of about equal size. One that has none left helps the others with their
// products, part by part, until all are done: pieces of equal size do not take equal times where the processors do not
// run at one speed. Every element of a product is one chain (product.h), so who computes it does not show in the bits;
// all members must have the same floating-point mode.

struct ck_crew;

/// A crew without members; NULL where memory is short.
struct ck_crew *ck_make_crew(void);

/// No member may use it any more.
void ck_free_crew(struct ck_crew *crew);

/// Makes the calling thread a member until it ends or joins another crew, NULL for none.
void ck_join_crew(struct ck_crew *crew);

/// Tells that `members` threads begin to work; each of them ends with `ck_help_crew`. None of them works yet.
void ck_begin_crew(struct ck_crew *crew, size_t members);

/// The calling thread has done its own work: helps the others until they have done theirs.
/// Returns the nanoseconds that it worked for others.
uint64_t ck_help_crew(struct ck_crew *crew);

/// Part of a job: units from `begin` to `end`.
typedef void (*ck_job_body)(const void *job, size_t begin, size_t end);

/// Does the units 0..<count of a job, with the help of those who are free in the calling thread's crew, unless they are
/// called to another job; returns when all are done.
void ck_share(size_t count, ck_job_body body, const void *job);

#endif
