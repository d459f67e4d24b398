//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_WIRE_MESSAGES_H
#define C_WIRE_MESSAGES_H

// Generated from proto/ by proto/generate.sh; never edited.
#include "loradrop/wire/v1/common.pb-c.h"
#include "loradrop/wire/v1/link.pb-c.h"
#include "loradrop/wire/v1/logs.pb-c.h"
#include "loradrop/wire/v1/model.pb-c.h"
#include "loradrop/wire/v1/session.pb-c.h"
#include "loradrop/wire/v1/work.pb-c.h"

#endif
