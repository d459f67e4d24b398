//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_H
#define C_KERNELS_H

#include "activations.h"
#include "adamw.h"
#include "causal_softmax.h"
#include "crew.h"
#include "cross_entropy.h"
#include "dropout.h"
#include "fixed_point.h"
#include "floating_point_mode.h"
#include "gate.h"
#include "gather.h"
#include "half.h"
#include "layer_norm.h"
#include "packed_integers.h"
#include "product.h"
#include "product_heads.h"
#include "rms_norm.h"
#include "rotary.h"
#include "softmax.h"
#include "split_product.h"
#include "sum_of_squares.h"

#endif
