//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import JSONText

/// What an examination found.
package struct DoctorReport: Sendable, Hashable {
    /// In the order of `Check`, and of the hosts.
    package let findings: [Finding]

    package init(findings: [Finding]) {
        self.findings = findings
    }

    package var problemCount: Int { findings.count(where: \.isProblem) }
    package var hasPassed: Bool { problemCount == 0 }

    /// One line a finding, and how to mend it below each problem; at the end how many there are.
    package var text: String {
        let checkWidth = Check.allCases.map(\.rawValue.count).max() ?? 0
        let hostWidth = min(40, findings.map(\.host.count).max() ?? 0)
        var lines: [String] = []
        for finding in findings {
            let status = finding.isProblem ? "problem" : "passed "
            lines.append(
                "\(status)  \(Self.padded(finding.check.rawValue, checkWidth))  "
                    + "\(Self.padded(finding.host, hostWidth))  \(finding.detail)")
            if let mend = finding.mend { lines.append("         mend: \(mend)") }
        }
        let passed = findings.count - problemCount
        lines.append("\(passed) passed, \(problemCount) problem\(problemCount == 1 ? "" : "s")")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// The same as one JSON object.
    package var json: JSONValue {
        .object([
            JSONMember("passed", .boolean(hasPassed)),
            JSONMember("problems", .integer(problemCount)),
            JSONMember(
                "checks",
                .array(
                    findings.map { finding in
                        .object([
                            JSONMember("check", .string(finding.check.rawValue)),
                            JSONMember("host", .string(finding.host)),
                            JSONMember("status", .string(finding.isProblem ? "problem" : "passed")),
                            JSONMember("detail", .string(finding.detail)),
                            JSONMember("mend", finding.mend.map { .string($0) } ?? .null),
                        ])
                    })),
        ])
    }
}
