//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_GATE_H
#define C_KERNELS_GATE_H

#include <stddef.h>

/// y = silu(gate)·up with silu(v) = v / (1 + exp(-v)); `y` may be `gate` or `up`.
void ck_silu_gate(
    const float *gate, size_t gate_stride, const float *up, size_t up_stride, float *y, size_t y_stride, size_t rows,
    size_t columns);

/// The gradients of gate and up from that of y. `gate_gradient` may be `outer`; `up_gradient` is memory of its own.
void ck_silu_gate_backward(
    const float *gate, size_t gate_stride, const float *up, size_t up_stride, const float *outer, size_t outer_stride,
    float *gate_gradient, size_t gate_gradient_stride, float *up_gradient, size_t up_gradient_stride, size_t rows,
    size_t columns);

#endif
