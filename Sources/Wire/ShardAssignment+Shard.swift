//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

extension ShardAssignment {
    /// What the model should answer to an example.
    package enum Target: Hashable, Sendable {
        /// A class's index, from 0.
        case classIndex(Int)
        /// A score, finite.
        case score(Float)
        /// The place of a completion's first token.
        case completion(Int)
    }

    /// One tokenised example.
    package struct Example: Hashable, Sendable {
        /// Its place in its data file, from 0.
        package let exampleID: Int
        /// Token ids with the special tokens, without padding.
        package let tokenIDs: [Int32]
        /// For each token which text it belongs to; as many as `tokenIDs`, or none, which means all 0.
        package let tokenTypeIDs: [Int32]
        /// What the model should answer; none where nobody knows.
        package let target: Target?

        /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
        package init(exampleID: Int, tokenIDs: [Int32], tokenTypeIDs: [Int32], target: Target?) throws(WireError) {
            let check = FieldChecks("Example")
            try check.id("example_id", exampleID)
            try check.count("token_ids", tokenIDs.count, 1...(1 << 16))
            for token in tokenIDs where token < 0 {
                throw check.error("token_ids", "a negative token id \(token) in example \(exampleID)")
            }
            guard tokenTypeIDs.isEmpty || tokenTypeIDs.count == tokenIDs.count else {
                throw check.error(
                    "token_type_ids",
                    "expected \(tokenIDs.count) or none, found \(tokenTypeIDs.count) in example \(exampleID)")
            }
            for type in tokenTypeIDs {
                try check.integer("token_type_ids", type, 0...255)
            }
            switch target {
            case .classIndex(let index): try check.integer("class_index", index, 0...(FieldChecks.maximumLabels - 1))
            case .score(let score): try check.finite("score", score)
            case .completion(let first): try check.integer("completion_start", first, 0...(tokenIDs.count - 1))
            case nil: break
            }
            self.exampleID = exampleID
            self.tokenIDs = tokenIDs
            self.tokenTypeIDs = tokenTypeIDs
            self.target = target
        }

        init(_ message: CExample) throws(WireError) {
            let check = FieldChecks("Example")
            let target: Target? =
                switch message.target_case {
                case LORADROP__WIRE__V1__EXAMPLE__TARGET_CLASS_INDEX: .classIndex(Int(message.class_index))
                case LORADROP__WIRE__V1__EXAMPLE__TARGET_SCORE: .score(message.score)
                case LORADROP__WIRE__V1__EXAMPLE__TARGET_COMPLETION_START: .completion(Int(message.completion_start))
                default: nil
                }
            try self.init(
                exampleID: Int(message.example_id),
                tokenIDs: check.decodeTokens("token_ids", message.token_ids, message.n_token_ids),
                tokenTypeIDs: check.decodeTokens(
                    "token_type_ids", message.token_type_ids, message.n_token_type_ids),
                target: target)
        }

        func generated(_ arena: EncodingArena) -> CExample {
            var message = CExample.prepared()
            message.example_id = UInt32(exampleID)
            message.n_token_ids = tokenIDs.count
            message.token_ids = arena.array(tokenIDs.map { UInt32($0) })
            message.n_token_type_ids = tokenTypeIDs.count
            message.token_type_ids = arena.array(tokenTypeIDs.map { UInt32($0) })
            switch target {
            case .classIndex(let index):
                message.target_case = LORADROP__WIRE__V1__EXAMPLE__TARGET_CLASS_INDEX
                message.class_index = UInt32(index)
            case .score(let score):
                message.target_case = LORADROP__WIRE__V1__EXAMPLE__TARGET_SCORE
                message.score = score
            case .completion(let first):
                message.target_case = LORADROP__WIRE__V1__EXAMPLE__TARGET_COMPLETION_START
                message.completion_start = UInt32(first)
            case nil: break
            }
            return message
        }
    }

    /// What becomes of a shard's sums.
    ///
    /// The raw values are those of proto/.
    package enum Role: UInt32, CaseIterable, Sendable {
        /// They are counted.
        case count = 0
        /// They are counted, and their digest is reported.
        case countAndReport = 1
        /// Only their digest is reported: another worker counts them.
        case recompute = 2
    }

    /// A part of a global batch that one thread computes.
    package struct Shard: Hashable, Sendable {
        /// Its index within the step.
        package let index: Int
        /// Its examples in order.
        package let examples: [Example]
        package let role: Role

        /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
        package init(index: Int, examples: [Example], role: Role = .count) throws(WireError) {
            let check = FieldChecks("Shard")
            try check.integer("index", index, 0...(FieldChecks.maximumShards - 1))
            try check.count("examples", examples.count, 1...ShardAssignment.maximumExamples)
            self.index = index
            self.examples = examples
            self.role = role
        }

        /// How many tokens its examples have.
        package var tokenCount: Int {
            examples.reduce(0) { $0 + $1.tokenIDs.count }
        }

        init(_ message: CShard) throws(WireError) {
            let check = FieldChecks("Shard")
            guard let role = Role(rawValue: UInt32(message.role.rawValue)) else {
                throw check.error("role", "no role has number \(message.role.rawValue)")
            }
            try self.init(
                index: Int(message.index),
                examples: check.decodeMessages("examples", message.examples, message.n_examples) {
                    example throws(WireError) in try Example(example)
                }, role: role)
        }

        func generated(_ arena: EncodingArena) -> CShard {
            var message = CShard.prepared()
            message.index = UInt32(index)
            message.role = .init(rawValue: .init(role.rawValue))
            message.n_examples = examples.count
            message.examples = arena.messages(examples.map { $0.generated(arena) })
            return message
        }
    }
}
