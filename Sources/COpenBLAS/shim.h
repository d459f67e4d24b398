//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_OPENBLAS_SHIM_H
#define C_OPENBLAS_SHIM_H

// Debian's cblas.h is an alternative that may belong to another BLAS; this one is OpenBLAS's own.
#if __has_include(<cblas-openblas.h>)
#include <cblas-openblas.h>
#else
#include <cblas.h>
#endif

#endif
