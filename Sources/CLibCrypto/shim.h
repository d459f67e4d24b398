//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_LIBCRYPTO_SHIM_H
#define C_LIBCRYPTO_SHIM_H

#include <openssl/evp.h>

#endif
