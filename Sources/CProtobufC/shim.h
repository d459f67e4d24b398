//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_PROTOBUF_C_SHIM_H
#define C_PROTOBUF_C_SHIM_H

#include <protobuf-c/protobuf-c.h>

#endif
