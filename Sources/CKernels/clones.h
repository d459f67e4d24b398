//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_CLONES_H
#define C_KERNELS_CLONES_H

/// A kernel is compiled once for each level of x86-64 and chosen when the program starts; elsewhere once.
///
/// Under the thread sanitizer once as well: the loader chooses before the sanitizer's runtime is up, and an instrumented
/// choice crashes there.
#if defined(__x86_64__) && !__has_feature(thread_sanitizer)
#define CK_KERNEL __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CK_KERNEL
#endif

#endif
