//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_ELEMENTARY_H
#define C_KERNELS_ELEMENTARY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "clones.h"

// What the kernels share: elementary functions without branches, which the compiler turns into vector code, and sums
// over 16 explicit lanes, so that the order of additions depends on the count alone and not on the vector width.
//
// The polynomials are minimax fits of our own (weighted least squares after Lawson, in 64-bit arithmetic).

#define CK_INLINE static inline __attribute__((always_inline))

/// exp(x) for x <= 0, relative error below 2e-7; 0 below -87, where the result leaves the normal numbers. NaN stays.
CK_INLINE float ck_exp_nonpositive(float x) {
    const float round_to_integer = 0x1.8p23f;
    float clamped = x < -87.0f ? -87.0f : x;
    float shifted = clamped * 0x1.715476p+0f + round_to_integer;
    float n = shifted - round_to_integer;
    float r = clamped - n * 0x1.62e400p-1f;
    r = r - n * 0x1.7f7d1cp-20f;
    float q = 0x1.6dbc66p-10f;
    q = q * r + 0x1.124148p-7f;
    q = q * r + 0x1.555454p-5f;
    q = q * r + 0x1.555486p-3f;
    q = q * r + 0.5f;
    float fraction = q * (r * r) + r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits - 0x4B400000u + 127u) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    float result = fraction * power;
    return x < -87.0f ? 0.0f : result;
}

/// The normal distribution's lower tail P(X < -t) = exp(-t²/2) · M(t) for t >= 0, where `gaussian` is exp(-t²/2).
/// M, half the scaled complementary error function, is a polynomial in (t/2) / (1 + t/2), relative error below 2e-8 in
/// exact arithmetic for t <= 14; beyond, the Gaussian is zero. Small t are exact in that variable, so that the result
/// is best where it is largest: absolute error below 7e-8.
CK_INLINE float ck_normal_tail(float t, float gaussian) {
    float q = 0.5f * t / (1.0f + 0.5f * t);
    float m = -0x1.5b16bep-5f;
    m = m * q + 0x1.20b308p-3f;
    m = m * q - 0x1.4c6ba4p-3f;
    m = m * q + 0x1.a0bb38p-4f;
    m = m * q - 0x1.11f914p-4f;
    m = m * q - 0x1.82ef74p-6f;
    m = m * q + 0x1.49d870p-7f;
    m = m * q + 0x1.1af478p-3f;
    m = m * q + 0x1.9df908p-3f;
    m = m * q - 0x1.988472p-1f;
    m = m * q + 0x1.000000p-1f;
    return gaussian * m;
}

/// tanh(x): a polynomial near zero, elsewhere by the exponential; relative error below 2e-7. NaN stays.
CK_INLINE float ck_tanh_of(float x) {
    float t = x < 0.0f ? -x : x;
    float s = x * x;
    float p = -0x1.76ac18p-8f;
    p = p * s + 0x1.5256d6p-6f;
    p = p * s - 0x1.b84448p-5f;
    p = p * s + 0x1.110768p-3f;
    p = p * s - 0x1.555534p-2f;
    float near = x + x * (s * p);
    float e = ck_exp_nonpositive(-2.0f * t);
    float far = (1.0f - e) / (1.0f + e);
    far = x < 0.0f ? -far : far;
    return t < 0.625f ? near : far;
}

/// 16 floats at once, whatever the processor's width is.
typedef float ck_lanes __attribute__((vector_size(64), aligned(4), may_alias));

/// Adds the lanes in a fixed tree, then `rest`.
CK_INLINE float ck_add_lanes(const ck_lanes *sums, float rest) {
    float lane[16];
    memcpy(lane, sums, sizeof lane);
    for (int width = 8; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) {
            lane[i] += lane[i + width];
        }
    }
    return lane[0] + rest;
}

/// The largest x[i], -infinity for none. NaN does not count.
CK_INLINE float ck_largest(const float *x, size_t count) {
    float largest = -__builtin_inff();
    size_t i = 0;
    if (count >= 16) {
        ck_lanes lanes = *(const ck_lanes *)x;
        for (i = 16; i + 16 <= count; i += 16) {
            lanes = __builtin_elementwise_max(lanes, *(const ck_lanes *)(x + i));
        }
        for (int lane = 0; lane < 16; lane++) {
            largest = lanes[lane] > largest ? lanes[lane] : largest;
        }
    }
    for (; i < count; i++) {
        largest = x[i] > largest ? x[i] : largest;
    }
    return largest;
}

/// Σ x[i].
CK_INLINE float ck_sum(const float *x, size_t count) {
    ck_lanes sums = {0};
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        sums += *(const ck_lanes *)(x + i);
    }
    float rest = 0.0f;
    for (; i < count; i++) {
        rest += x[i];
    }
    return ck_add_lanes(&sums, rest);
}

/// Σ x[i]·y[i].
CK_INLINE float ck_dot(const float *x, const float *y, size_t count) {
    ck_lanes sums = {0};
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        sums += *(const ck_lanes *)(x + i) * *(const ck_lanes *)(y + i);
    }
    float rest = 0.0f;
    for (; i < count; i++) {
        rest += x[i] * y[i];
    }
    return ck_add_lanes(&sums, rest);
}

/// Σ (x[i] - centre)².
CK_INLINE float ck_sum_of_squared_deviations(const float *x, float centre, size_t count) {
    ck_lanes sums = {0};
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        ck_lanes deviation = *(const ck_lanes *)(x + i) - centre;
        sums += deviation * deviation;
    }
    float rest = 0.0f;
    for (; i < count; i++) {
        rest += (x[i] - centre) * (x[i] - centre);
    }
    return ck_add_lanes(&sums, rest);
}

#endif
