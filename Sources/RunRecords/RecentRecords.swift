//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The last records of every process, for those who ask what went before a failure.
package struct RecentRecords: Sendable {
    /// How many are kept of each process and writer.
    private static let limit = 24
    /// How many processes are remembered; of more, the oldest are forgotten.
    private static let processLimit = 2048

    private struct Writer: Hashable {
        let worker: String
        let origin: LogOrigin
    }

    private var kept: [Writer: [LogRecord]] = [:]

    package init() {}

    package mutating func take(_ record: LogRecord) {
        let writer = Writer(worker: record.worker, origin: record.origin)
        if kept[writer] == nil, kept.count >= Self.processLimit,
            let oldest = kept.min(by: { ($0.value.last?.wallNanoseconds ?? 0) < ($1.value.last?.wallNanoseconds ?? 0) })
        {
            kept[oldest.key] = nil
        }
        kept[writer, default: []].append(record)
        if kept[writer, default: []].count > Self.limit {
            // What failed stays longest, however much is said after it.
            let records = kept[writer, default: []]
            kept[writer]?.remove(at: records.firstIndex { $0.level < .error } ?? 0)
        }
    }

    /// All of them, by time.
    package var records: [LogRecord] {
        LogOrder.sorted(
            kept.sorted { ($0.key.worker, $0.key.origin.rawValue) < ($1.key.worker, $1.key.origin.rawValue) }
                .flatMap(\.value))
    }

    /// Those of one process, by whoever wrote them, by time.
    package func records(of worker: String) -> [LogRecord] {
        LogOrder.sorted(
            LogOrigin.allCases.flatMap { kept[Writer(worker: worker, origin: $0)] ?? [] })
    }
}
