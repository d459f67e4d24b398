//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Benchmarks
import Foundation
import JSONText
import Testing

@Suite("Reports of measurements")
struct BenchmarkReportTests {
    private var report: BenchmarkReport {
        var report = BenchmarkReport(command: "bench x")
        report.figures.append(.init("tokens_per_second", 12.5, "tokens a second  12.5 /s"))
        var table = BenchmarkReport.Table(
            key: "parts", title: "time by part", columns: [("part", "part"), ("ms a step", "milliseconds")])
        table.add("forward", [1234.5])
        table.add("loss", [0.25], decimals: 2)
        report.tables.append(table)
        return report
    }

    @Test("for people: the machine, the versions, every figure, and tables in columns")
    func text() {
        let lines = report.lines
        #expect(lines[0] == "loradrop bench x")
        #expect(lines[1].hasPrefix("machine   "))
        #expect(lines[2].contains("OpenBLAS"))
        #expect(lines.contains("tokens a second  12.5 /s"))
        #expect(lines.suffix(4) == ["time by part", "part     ms a step", "forward     1234.5", "loss          0.25"])
    }

    @Test("for programs: the same numbers with their units in the keys")
    func json() throws {
        let value = try JSONParser.parse(report.jsonText)
        #expect(value["command"]?.string == "bench x")
        #expect(value["machine"]?["blas"]?.string?.contains("OpenBLAS") == true)
        #expect(value["tokens_per_second"]?.real == 12.5)
        let rows = try #require(value["parts"]?.array)
        #expect(rows.count == 2)
        #expect(rows[1]["part"]?.string == "loss")
        #expect(rows[1]["milliseconds"]?.real == 0.25)
    }

    @Test("the median is the middle one, of an even count the mean of two")
    func median() {
        #expect(Repetitions.median([3, 1, 2]) == 2)
        #expect(Repetitions.median([4, 1, 2, 3]) == 2.5)
        #expect(Repetitions.median([7]) == 7)
    }
}
