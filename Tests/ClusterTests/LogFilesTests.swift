//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
import RunRecords
import Testing
import Wire

@Suite("The log files of a run")
final class LogFilesTests {
    private let folder: RunFolder

    init() {
        folder = RunFolder(FileManager.default.temporaryDirectory.path + "/loradrop-logs-\(UUID().uuidString)")
    }

    deinit {
        // Nothing to remove is no failure.
        _ = try? FileManager.default.removeItem(atPath: folder.path)
    }

    private func batch(_ sequences: ClosedRange<UInt64>) throws -> LogBatch {
        try LogBatch(
            records: sequences.map { sequence in
                try LogBatch.Record(
                    sequence: sequence, level: .info, monotonicNanoseconds: Int(sequence),
                    wallNanoseconds: 1_700_000_000_000_000_000 + Int(sequence), event: "event",
                    message: "record \(sequence)", fieldsJSON: "")
            })
    }

    private func records(_ path: String) throws -> [LogRecord] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").enumerated().map { number, line in
            try LogRecord(jsonLine: String(line), path: path, number: number + 1)
        }
    }

    @Test("each record is written once, however often its batch is sent; the files agree")
    func once() throws {
        let files = try LogFiles(folder, incarnation: 2, minimum: .info)
        files.write(.info, "start", "the run begins")
        files.write(.debug, "detail", "nobody asked for this")
        files.take(try batch(1...3), from: "w0")
        files.take(try batch(1...3), from: "w0")
        files.take(try batch(1...2), from: "w1")
        // A batch that was partly written before the link broke.
        files.take(try batch(2...5), from: "w0")
        files.write(.error, "end", "the run ends")
        #expect(files.failure == nil)

        let merged = try records(folder.mergedLog)
        let order = merged.map { "\($0.worker) \($0.sequence)" }
        #expect(
            order == [
                "coordinator 1", "w0 1", "w0 2", "w0 3", "w1 1", "w1 2", "w0 4", "w0 5", "coordinator 2",
            ])
        #expect(merged.allSatisfy { $0.incarnation == 2 })
        for worker in ["coordinator", "w0", "w1"] {
            #expect(try records(folder.log(ofWorker: worker)) == merged.filter { $0.worker == worker })
        }
    }
}
