//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

int weight_limit(void);
