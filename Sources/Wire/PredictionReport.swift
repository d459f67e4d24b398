//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Worker to coordinator: the predictions of one shard.
package struct PredictionReport: WireMessage {
    static let kind = FrameKind.predictionReport

    /// The roster's generation.
    package let generation: Int
    /// The assignment's step.
    package let workID: Int
    /// The shard's index within the work.
    package let shardIndex: Int
    /// The examples in the order of the logits' rows.
    package let exampleIDs: [Int]
    /// How many logits an example has.
    package let labelCount: Int
    /// [examples, labels], row by row, all finite.
    ///
    /// They travel as raw bytes.
    package let logits: [Float]

    var raw: [UInt8] {
        littleEndianBytes(of: logits)
    }

    /// - Throws: `WireError` with `badField` for a field out of range, an example twice, or logits of another shape.
    package init(
        generation: Int, workID: Int, shardIndex: Int, exampleIDs: [Int], labelCount: Int, logits: [Float]
    ) throws(WireError) {
        let check = FieldChecks("PredictionReport")
        try check.generation(generation)
        try check.id("work_id", workID)
        try check.integer("shard_index", shardIndex, 0...(FieldChecks.maximumShards - 1))
        try check.count("example_ids", exampleIDs.count, 1...ShardAssignment.maximumExamples)
        var seen: Set<Int> = []
        for example in exampleIDs {
            try check.id("example_ids", example)
            guard seen.insert(example).inserted else {
                throw check.error("example_ids", "\(example) comes twice")
            }
        }
        try check.integer("label_count", labelCount, 1...FieldChecks.maximumLabels)
        let most = Self.kind.limit.rawByteCount / MemoryLayout<Float>.size
        guard logits.count == exampleIDs.count * labelCount, logits.count <= most else {
            throw check.error(
                "logits",
                "expected \(exampleIDs.count) times \(labelCount) and at most \(most), found \(logits.count)")
        }
        if let bad = logits.firstIndex(where: { !$0.isFinite }) {
            throw check.error(
                "logits",
                "expected finite numbers, found \(logits[bad]) for example \(exampleIDs[bad / labelCount])")
        }
        self.generation = generation
        self.workID = workID
        self.shardIndex = shardIndex
        self.exampleIDs = exampleIDs
        self.labelCount = labelCount
        self.logits = logits
    }

    init(_ message: CPredictionReport, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("PredictionReport")
        guard raw.count % MemoryLayout<Float>.size == 0 else {
            throw check.error("logits", "\(raw.count) bytes are no whole number of floats")
        }
        try self.init(
            generation: Int(message.generation),
            workID: Int(message.work_id),
            shardIndex: Int(message.shard_index),
            exampleIDs: [Int](widening: message.example_ids, count: message.n_example_ids),
            labelCount: Int(message.label_count),
            logits: floats(fromLittleEndian: raw))
    }

    func generated(_ arena: EncodingArena) -> CPredictionReport {
        var message = CPredictionReport.prepared()
        message.generation = UInt32(generation)
        message.work_id = UInt32(workID)
        message.shard_index = UInt32(shardIndex)
        message.n_example_ids = exampleIDs.count
        message.example_ids = arena.array(exampleIDs.map { UInt32($0) })
        message.label_count = UInt32(labelCount)
        return message
    }
}
