//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// What is sent.
package struct Parcel {
    package var weight: Int
}
