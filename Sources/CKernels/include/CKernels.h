//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_H
#define C_KERNELS_H

#include "fixed_point.h"

#endif
