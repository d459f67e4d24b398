//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import JSONText

/// Measurements of all-reduce, with what they were measured on.
package struct AllReduceReport: Sendable {
    package let machine = MachineFacts.current
    package var measurements: [AllReduceMeasurement] = []

    package init() {}

    /// For people: what stands above the measurements, in lines.
    package var heading: String {
        (machine.lines + ["", "workers  elements  asked      ran          median ms    best ms  9th decile ms    MB/s"])
            .joined(separator: "\n")
    }

    /// For people: a measurement under the heading.
    package static func line(of measurement: AllReduceMeasurement) -> String {
        [
            column(String(measurement.worldSize), 7), column(String(measurement.elementCount), 8),
            measurement.choice.padding(toLength: 9, withPad: " ", startingAt: 0),
            measurement.algorithm.padding(toLength: 9, withPad: " ", startingAt: 0),
            column(milliseconds(measurement.median), 12), column(milliseconds(measurement.best), 9),
            column(milliseconds(measurement.slow), 13),
            column(String(format: "%.0f", measurement.bandwidth / 1e6), 6),
        ].joined(separator: "  ")
    }

    /// For programs, one indented JSON object.
    package var jsonText: String {
        JSONValue.object([
            JSONMember("command", .string("bench allreduce")), JSONMember("machine", machine.json),
            JSONMember("allreduce", .array(measurements.map(\.json))),
        ]).indentedText()
    }

    private static func milliseconds(_ seconds: Double) -> String { String(format: "%.3f", seconds * 1e3) }

    private static func column(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
