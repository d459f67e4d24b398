//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "product.h"

#include <stdlib.h>

#include "crew.h"
#include "product_level.h"

/// The highest level that this thread takes.
static _Thread_local int limit = 4;

void ck_limit_product_level(int level) {
    limit = level;
}

/// What `ck_use_product_room` gave this thread.
static _Thread_local float *room = NULL;

void ck_use_product_room(float *memory) {
    room = memory;
}

#if defined(__x86_64__)
static int processor_level(void) {
    if (__builtin_cpu_supports("x86-64-v4")) {
        return 4;
    }
    return __builtin_cpu_supports("x86-64-v3") ? 3 : 1;
}
#else
static int processor_level(void) {
    return 1;
}
#endif

int ck_product_level(void) {
    // Looked up once, so that all threads find the same.
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

/// Columns of a product that one thread computes: whole panels at every level.
#define CK_UNIT 48
/// The least multiply-adds of a product that is worth a call for help, some 0.1 ms.
#define CK_WORTH_SHARING ((size_t)1 << 22)

/// Does `columns` columns in units, with help if it is worth it.
static void share_columns(size_t operations, size_t columns, ck_job_body body, const void *job) {
    size_t units = (columns + CK_UNIT - 1) / CK_UNIT;
    if (operations < CK_WORTH_SHARING) {
        body(job, 0, units);
    } else {
        ck_share(units, body, job);
    }
}

/// The columns of units from `begin` to `end`.
static size_t unit_columns(size_t begin, size_t end, size_t columns) {
    return (end * CK_UNIT < columns ? end * CK_UNIT : columns) - begin * CK_UNIT;
}

/// The arguments of `ck_product`.
struct product_job {
    __typeof__(&ck_product_base) kernel;
    const float *a;
    ptrdiff_t a_row, a_depth;
    const float *b;
    ptrdiff_t b_depth;
    size_t depth, rows, columns;
    float *c;
    ptrdiff_t c_row;
    int transposed, adds;
};

static void product_part(const void *job, size_t begin, size_t end) {
    const struct product_job *p = job;
    size_t first = begin * CK_UNIT;
    p->kernel(
        p->a, p->a_row, p->a_depth, p->b + first, p->b_depth, p->depth, p->rows, unit_columns(begin, end, p->columns),
        p->c + (ptrdiff_t)first * (p->transposed ? p->c_row : 1), p->c_row, p->transposed, p->adds, room);
}

void ck_product(
    const float *a, ptrdiff_t a_row, ptrdiff_t a_depth, const float *b, ptrdiff_t b_depth, size_t depth, size_t rows,
    size_t columns, float *c, ptrdiff_t c_row, int transposed, int adds) {
    struct product_job job = {
        CK_AT_LEVEL(ck_product), a, a_row, a_depth, b, b_depth, depth, rows, columns, c, c_row, transposed, adds};
    share_columns(depth * rows * columns, columns, product_part, &job);
}

size_t ck_packed_count(size_t rows, size_t depth) {
    return CK_AT_LEVEL(ck_packed_count)(rows, depth);
}

void ck_pack_rows(
    const float *x, ptrdiff_t x_row, size_t rows, size_t depth, float *packed) {
    CK_AT_LEVEL(ck_pack_rows)(x, x_row, rows, depth, packed);
}

/// The arguments of `ck_product_packed`.
struct packed_job {
    __typeof__(&ck_product_packed_base) kernel;
    struct ck_packed_term first, second;
    const float *bias;
    size_t rows, columns;
    float *y;
    ptrdiff_t y_row;
};

static void packed_part(const void *job, size_t begin, size_t end) {
    struct packed_job p = *(const struct packed_job *)job;
    size_t skipped = begin * CK_UNIT;
    p.first.weights += (ptrdiff_t)skipped * p.first.weight_row;
    if (p.second.depth > 0) {
        p.second.weights += (ptrdiff_t)skipped * p.second.weight_row;
    }
    p.kernel(
        p.first, p.second, p.bias ? p.bias + skipped : NULL, p.rows, unit_columns(begin, end, p.columns), p.y + skipped,
        p.y_row);
}

void ck_product_packed(
    struct ck_packed_term first, struct ck_packed_term second, const float *bias, size_t rows, size_t columns, float *y,
    ptrdiff_t y_row) {
    struct packed_job job = {CK_AT_LEVEL(ck_product_packed), first, second, bias, rows, columns, y, y_row};
    share_columns((first.depth + second.depth) * rows * columns, columns, packed_part, &job);
}
