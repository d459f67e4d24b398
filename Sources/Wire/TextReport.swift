//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Worker to coordinator: the texts generated of one shard.
package struct TextReport: WireMessage {
    static let kind = FrameKind.textReport
    /// The most tokens of one text.
    package static let maximumTokens = 1 << 20

    /// The roster's generation.
    package let generation: Int
    /// The assignment's step.
    package let workID: Int
    /// The shard's index within the work.
    package let shardIndex: Int
    /// The examples in the order of the texts.
    package let exampleIDs: [Int]
    /// The tokens that follow each example's prompt, an ending one among them.
    ///
    /// They travel as raw bytes, text after text.
    package let texts: [[Int32]]

    var raw: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(texts.reduce(0) { $0 + $1.count } * MemoryLayout<Int32>.size)
        for token in texts.joined() {
            token.appendLittleEndian(to: &bytes)
        }
        return bytes
    }

    /// - Throws: `WireError` with `badField` for a field out of range, an example twice, or another number of texts.
    package init(
        generation: Int, workID: Int, shardIndex: Int, exampleIDs: [Int], texts: [[Int32]]
    ) throws(WireError) {
        let check = FieldChecks("TextReport")
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
        guard texts.count == exampleIDs.count else {
            throw check.error("token_counts", "expected \(exampleIDs.count) entries, found \(texts.count)")
        }
        for text in texts {
            try check.integer("token_counts", text.count, 1...Self.maximumTokens)
            for token in text {
                try check.integer("tokens", token, 0...Int32.max)
            }
        }
        let most = Self.kind.limit.rawByteCount / MemoryLayout<Int32>.size
        try check.integer("token_counts", texts.reduce(0) { $0 + $1.count }, 1...most)
        self.generation = generation
        self.workID = workID
        self.shardIndex = shardIndex
        self.exampleIDs = exampleIDs
        self.texts = texts
    }

    init(_ message: CTextReport, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("TextReport")
        let counts = [Int](widening: message.token_counts, count: message.n_token_counts)
        let size = MemoryLayout<Int32>.size
        // No sum can overflow: each count has 32 bits, and a frame has room for few of them.
        guard raw.count == counts.reduce(0, +) * size else {
            throw check.error(
                "token_counts", "\(counts.reduce(0, +)) tokens of \(size) bytes are not \(raw.count) bytes")
        }
        var rest = raw[...]
        try self.init(
            generation: Int(message.generation),
            workID: Int(message.work_id),
            shardIndex: Int(message.shard_index),
            exampleIDs: [Int](widening: message.example_ids, count: message.n_example_ids),
            texts: counts.map { count in (0..<count).map { _ in Int32(littleEndianBytes: &rest) } })
    }

    func generated(_ arena: EncodingArena) -> CTextReport {
        var message = CTextReport.prepared()
        message.generation = UInt32(generation)
        message.work_id = UInt32(workID)
        message.shard_index = UInt32(shardIndex)
        message.n_example_ids = exampleIDs.count
        message.example_ids = arena.array(exampleIDs.map { UInt32($0) })
        message.n_token_counts = texts.count
        message.token_counts = arena.array(texts.map { UInt32($0.count) })
        return message
    }
}
