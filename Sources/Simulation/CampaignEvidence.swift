//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// The file in which a campaign keeps what its runs came to, a line each, so that it can be resumed.
package struct CampaignEvidence: Sendable {
    /// What one run came to.
    package struct Entry: Sendable, Hashable {
        package var run: Int
        /// "ok", or what was wrong.
        package var verdict: String
        package var seconds: Double
        package var adapterDigest: String
        package var command: String
        /// The lines of `RecoveryTimeline.table`.
        package var recoveries: [String]

        package init(
            run: Int, verdict: String, seconds: Double, adapterDigest: String, command: String, recoveries: [String]
        ) {
            self.run = run
            self.verdict = verdict
            self.seconds = seconds
            self.adapterDigest = adapterDigest
            self.command = command
            self.recoveries = recoveries
        }

        package var isGood: Bool { verdict == "ok" }

        var line: String {
            let fields = [
                String(run), verdict, String(format: "%.3f", seconds), adapterDigest, command,
                recoveries.map { $0.replacingOccurrences(of: "\t", with: ",") }.joined(separator: ";"),
            ]
            return fields.map { field in
                String(field.map { $0 == "\t" || $0.isNewline ? " " : $0 })
            }.joined(separator: "\t")
        }

        init?(line: Substring) {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 6, let run = Int(fields[0]), let seconds = Double(fields[2]) else { return nil }
            self.init(
                run: run, verdict: fields[1], seconds: seconds, adapterDigest: fields[3], command: fields[4],
                recoveries: fields[5].split(separator: ";").map {
                    $0.replacingOccurrences(of: ",", with: "\t")
                })
        }
    }

    package private(set) var entries: [Entry] = []
    private let path: String

    /// Reads what is there, or begins the file.
    /// - Throws: If the file is of another campaign, or cannot be read or written.
    package init(path: String, seed: UInt64) throws {
        self.path = path
        let head = "# loradrop chaos campaign, seed \(seed)"
        guard FileManager.default.fileExists(atPath: path) else {
            try Data((head + "\n").utf8).write(to: URL(fileURLWithPath: path))
            return
        }
        let text = try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
        let lines = text.split(separator: "\n")
        guard lines.first == head[...] else {
            throw DisturbedCluster.Failure(
                description: "\(path) is of another campaign: expected \"\(head)\", found \"\(lines.first ?? "")\"")
        }
        // A line that a crash cut off is of a run that is made again.
        entries = lines.dropFirst().compactMap { Entry(line: $0) }
        if !text.hasSuffix("\n") { try write("\n") }
    }

    package mutating func add(_ entry: Entry) throws {
        entries.append(entry)
        try write(entry.line + "\n")
    }

    private func write(_ text: String) throws {
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
    }

    /// How often each kind of fault came about at each kind of place, as a table.
    package var matrix: [String] {
        let counts = hits
        let width = 18
        func cell(_ text: String) -> String { text.padding(toLength: 12, withPad: " ", startingAt: 0) }
        func head(_ text: String) -> String { text.padding(toLength: width, withPad: " ", startingAt: 0) }
        let events = RunPlace.Event.allCases
        return [head("") + events.map { cell($0.rawValue) }.joined()]
            + FaultDraw.kinds.map { kind in
                head(kind) + events.map { cell(String(counts[FaultDraw.Cell(kind, $0), default: 0])) }.joined()
            }
    }

    /// The least number of times that a cell was hit.
    package var leastHits: Int {
        let counts = hits
        return FaultDraw.cells.map { counts[$0, default: 0] }.min() ?? 0
    }

    private var hits: [FaultDraw.Cell: Int] {
        var counts: [FaultDraw.Cell: Int] = [:]
        for recovery in entries.flatMap(\.recoveries) {
            let fields = recovery.split(separator: "\t")
            guard fields.count >= 2, let event = RunPlace.Event(rawValue: String(fields[1])) else { continue }
            counts[FaultDraw.Cell(String(fields[0]), event), default: 0] += 1
        }
        return counts
    }

    /// Seconds from each fault of a kind to the next committed step, where one followed; ascending.
    package func recoverySeconds(of kind: String) -> [Double] {
        entries.flatMap(\.recoveries).compactMap { recovery in
            let fields = recovery.split(separator: "\t")
            return fields.count == 5 && fields[0] == kind ? Double(fields[4]) : nil
        }.sorted()
    }
}
