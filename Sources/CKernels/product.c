//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "product.h"

#include <stdlib.h>

#include "product_level.h"

/// The highest level that this thread takes.
static _Thread_local int limit = 4;

void ck_limit_product_level(int level) {
    limit = level;
}

#if defined(__x86_64__)
static int processor_level(void) {
    if (__builtin_cpu_supports("x86-64-v4")) {
        return 4;
    }
    return __builtin_cpu_supports("x86-64-v3") ? 3 : 1;
}

/// What the processor has and the environment allows, looked up once: all threads find the same; up to the limit.
static int level(void) {
    static int known = 0;
    int found = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (found == 0) {
        found = processor_level();
        const char *wanted = getenv("LORADROP_PRODUCT_LEVEL");
        int most = wanted ? atoi(wanted) : 0;
        if (most > 0 && most < found) {
            found = most;
        }
        __atomic_store_n(&known, found, __ATOMIC_RELAXED);
    }
    return found < limit ? found : limit;
}
#endif

int ck_product_level(void) {
#if defined(__x86_64__)
    return level();
#else
    return 1;
#endif
}

void ck_product(
    const float *a, ptrdiff_t a_row, ptrdiff_t a_depth, const float *b, ptrdiff_t b_depth, size_t depth, size_t rows,
    size_t columns, float *c, ptrdiff_t c_row, int transposed, int adds) {
#if defined(__x86_64__)
    switch (level()) {
    case 4: ck_product_v4(a, a_row, a_depth, b, b_depth, depth, rows, columns, c, c_row, transposed, adds); return;
    case 3: ck_product_v3(a, a_row, a_depth, b, b_depth, depth, rows, columns, c, c_row, transposed, adds); return;
    default: break;
    }
#endif
    ck_product_base(a, a_row, a_depth, b, b_depth, depth, rows, columns, c, c_row, transposed, adds);
}

void ck_product_by_packed(
    const float *a, ptrdiff_t a_row, const float *packed, size_t depth, size_t rows, size_t columns, float *c,
    ptrdiff_t c_row) {
#if defined(__x86_64__)
    switch (level()) {
    case 4: ck_product_by_packed_v4(a, a_row, packed, depth, rows, columns, c, c_row); return;
    case 3: ck_product_by_packed_v3(a, a_row, packed, depth, rows, columns, c, c_row); return;
    default: break;
    }
#endif
    ck_product_by_packed_base(a, a_row, packed, depth, rows, columns, c, c_row);
}

size_t ck_packed_count(size_t rows, size_t depth) {
#if defined(__x86_64__)
    switch (level()) {
    case 4: return ck_packed_count_v4(rows, depth);
    case 3: return ck_packed_count_v3(rows, depth);
    default: break;
    }
#endif
    return ck_packed_count_base(rows, depth);
}

void ck_pack_rows(
    const float *x, ptrdiff_t x_row, size_t rows, size_t depth, float *packed) {
#if defined(__x86_64__)
    switch (level()) {
    case 4: ck_pack_rows_v4(x, x_row, rows, depth, packed); return;
    case 3: ck_pack_rows_v3(x, x_row, rows, depth, packed); return;
    default: break;
    }
#endif
    ck_pack_rows_base(x, x_row, rows, depth, packed);
}

void ck_product_packed(
    struct ck_packed_term first, struct ck_packed_term second, const float *bias, size_t rows, size_t columns, float *y,
    ptrdiff_t y_row) {
#if defined(__x86_64__)
    switch (level()) {
    case 4: ck_product_packed_v4(first, second, bias, rows, columns, y, y_row); return;
    case 3: ck_product_packed_v3(first, second, bias, rows, columns, y, y_row); return;
    default: break;
    }
#endif
    ck_product_packed_base(first, second, bias, rows, columns, y, y_row);
}
