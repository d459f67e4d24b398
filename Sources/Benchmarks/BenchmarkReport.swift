//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import JSONText

/// A measurement's result: single figures, and tables of them.
package struct BenchmarkReport: Sendable {
    /// The command that was run, without the program's name.
    package let command: String
    package let machine: MachineFacts
    package var figures: [Figure] = []
    package var tables: [Table] = []

    package init(command: String, machine: MachineFacts = .current) {
        self.command = command
        self.machine = machine
    }

    /// One named number.
    package struct Figure: Sendable {
        /// The key in JSON, with its unit.
        package let key: String
        package let value: Double
        /// As a line for people: what it is and the value with its unit.
        package let text: String

        package init(_ key: String, _ value: Double, _ text: String) {
            self.key = key
            self.value = value
            self.text = text
        }
    }

    /// Rows of cells under headings; the first column is a name.
    package struct Table: Sendable {
        package let key: String
        package let title: String
        /// The heading for people, and the key in JSON.
        package let columns: [(heading: String, key: String)]
        package var rows: [Row] = []

        package init(key: String, title: String, columns: [(heading: String, key: String)]) {
            self.key = key
            self.title = title
            self.columns = columns
        }

        /// Adds a row, a value a column behind the name's; decimals are those that people are shown.
        package mutating func add(_ name: String, _ values: [Double], decimals: Int = 1) {
            precondition(values.count == columns.count - 1, "\(values.count) values for \(columns.count) columns")
            rows.append(Row(name: name, values: values, decimals: decimals))
        }

        /// A name and a value for every other column.
        package struct Row: Sendable {
            package let name: String
            package let values: [Double]
            package let decimals: Int
        }
    }

    /// For people.
    package var lines: [String] {
        var lines = ["loradrop \(command)"] + machine.lines
        if !figures.isEmpty {
            lines += [""] + figures.map(\.text)
        }
        for table in tables {
            lines += ["", table.title] + table.lines
        }
        return lines
    }

    /// For programs, one indented JSON object.
    package var jsonText: String {
        JSONValue.object(
            [JSONMember("command", .string(command)), JSONMember("machine", machine.json)]
                + figures.map { JSONMember($0.key, .real($0.value)) }
                + tables.map { JSONMember($0.key, $0.json) }
        ).indentedText()
    }
}

extension BenchmarkReport.Table {
    var lines: [String] {
        let cells = rows.map { row in [row.name] + row.values.map { String(format: "%.\(row.decimals)f", $0) } }
        let widths = columns.indices.map { column in
            max(columns[column].heading.count, cells.map { $0[column].count }.max() ?? 0)
        }
        func line(_ cells: [String]) -> String {
            cells.enumerated().map { column, cell in
                let gap = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + gap : gap + cell
            }.joined(separator: "  ")
        }
        return [line(columns.map(\.heading))] + cells.map(line)
    }

    var json: JSONValue {
        .array(
            rows.map { row in
                .object(
                    [JSONMember(columns[0].key, .string(row.name))]
                        + zip(columns.dropFirst(), row.values).map { JSONMember($0.key, .real($1)) })
            })
    }
}

/// Statistics of a few repetitions.
package enum Repetitions {
    /// The middle one, or the mean of the two in the middle.
    package static func median(_ values: [Double]) -> Double {
        precondition(!values.isEmpty, "the median of nothing")
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
