//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

/// How this thread's processor treats numbers too small to be normal.
package enum FloatingPointMode {
    /// Treats them as zero from now on, in operands and results.
    ///
    /// Every compute thread calls this first: a denormal costs a hundred times a normal number, and the setting decides
    /// bits.
    package static func flushDenormals() {
        ck_flush_denormals()
    }

    /// Runs `body` in that mode and leaves the thread in the mode that it had: for threads that are not ours.
    package static func flushingDenormals<Result>(_ body: () throws -> Result) rethrows -> Result {
        let wasFlushing = flushesDenormals
        ck_flush_denormals()
        defer {
            if !wasFlushing {
                ck_keep_denormals()
            }
        }
        return try body()
    }

    /// Whether `flushDenormals` is in effect on this thread.
    package static var flushesDenormals: Bool { ck_flushes_denormals() != 0 }
}
