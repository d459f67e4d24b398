//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Why a metric has no value.
package struct MetricError: Error, Hashable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Sendable, Hashable {
        /// No metric has the name.
        case unknownName
        /// Predictions and references differ in number, or there are none.
        case count
        /// The metric does not compare such values, or such labels.
        case unsuitable
        /// A score is infinite or not a number.
        case notFinite
    }

    package let code: Code
    /// What was expected and found, and what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
