//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Wire

/// What a run has sent.
package struct Run {
    package var sent: [Parcel]
}
