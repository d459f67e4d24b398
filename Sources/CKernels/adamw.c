//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "adamw.h"

#include "elementary.h"

CK_KERNEL
void ck_adamw(
    struct ck_adamw_factors f, float *restrict parameters, float *restrict first_moments,
    float *restrict second_moments, const float *restrict gradients, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float g = gradients[i] * f.gradient_scale;
        float m = f.first * first_moments[i] + f.first_rest * g;
        float v = f.second * second_moments[i] + f.second_rest * (g * g);
        first_moments[i] = m;
        second_moments[i] = v;
        parameters[i] = parameters[i] * f.keep - f.step_size * m / (__builtin_elementwise_sqrt(v) * f.root_correction + f.epsilon);
    }
}
