//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "fixed_point.h"

#include <math.h>

#include "clones.h"

CK_KERNEL
size_t ck_accumulate_fixed_point(const float *values, size_t count, double scale, double limit, int64_t *sums) {
    // Refusals are counted first, in a loop without branches; the first bad index is searched only when there is one.
    size_t refused = 0;
    for (size_t i = 0; i < count; i++) {
        double scaled = (double)values[i] * scale;
        refused += !(fabs(scaled) < limit);  // true for NaN too
    }
    if (refused == 0) {
        for (size_t i = 0; i < count; i++) {
            sums[i] += (int64_t)rint((double)values[i] * scale);
        }
        return count;
    }
    size_t first = count;
    for (size_t i = count; i-- > 0;) {
        double scaled = (double)values[i] * scale;
        if (fabs(scaled) < limit) {
            sums[i] += (int64_t)rint(scaled);
        } else {
            first = i;
        }
    }
    return first;
}

CK_KERNEL
void ck_fixed_point_to_float(const int64_t *sums, size_t count, double scale, float *values) {
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)((double)sums[i] * scale);
    }
}
