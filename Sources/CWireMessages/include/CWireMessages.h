//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_WIRE_MESSAGES_H
#define C_WIRE_MESSAGES_H
#endif
