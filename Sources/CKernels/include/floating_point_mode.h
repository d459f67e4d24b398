//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_FLOATING_POINT_MODE_H
#define C_KERNELS_FLOATING_POINT_MODE_H

/// Makes this thread treat numbers below the normal ones as zero, in operands and in results. A denormal costs a
/// hundred times a normal number, and libraries disagree about them.
void ck_flush_denormals(void);

/// Ends that mode on the calling thread.
void ck_keep_denormals(void);

/// Whether `ck_flush_denormals` is in effect on this thread.
int ck_flushes_denormals(void);

#endif
