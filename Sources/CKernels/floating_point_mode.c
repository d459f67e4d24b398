//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "floating_point_mode.h"

#if defined(__x86_64__)

#include <immintrin.h>

// MXCSR: bit 15 flushes results to zero, bit 6 treats denormal operands as zero.
enum { FLUSH = (1 << 15) | (1 << 6) };

void ck_flush_denormals(void) { _mm_setcsr(_mm_getcsr() | FLUSH); }

void ck_keep_denormals(void) { _mm_setcsr(_mm_getcsr() & ~FLUSH); }

int ck_flushes_denormals(void) { return (_mm_getcsr() & FLUSH) == FLUSH; }

#elif defined(__aarch64__)

// FPCR.FZ, bit 24: both operands and results.
void ck_flush_denormals(void) { __builtin_aarch64_set_fpcr(__builtin_aarch64_get_fpcr() | (1u << 24)); }

void ck_keep_denormals(void) { __builtin_aarch64_set_fpcr(__builtin_aarch64_get_fpcr() & ~(1u << 24)); }

int ck_flushes_denormals(void) { return (__builtin_aarch64_get_fpcr() >> 24) & 1; }

#else
#error "how this processor flushes denormals is not known here"
#endif
