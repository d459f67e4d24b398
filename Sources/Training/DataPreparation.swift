//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets
import Foundation

/// Reads data files and turns texts into tokens, by whatever tokenizer it is handed.
package struct DataPreparation {
    /// The tokens of a text, or of a pair of texts; whether something was cut off.
    package typealias Encode =
        @Sendable (_ text: String, _ pair: String?) throws -> (
            tokenIDs: [Int32], tokenTypeIDs: [Int32], wasTruncated: Bool
        )

    package let reader: DatasetReader
    package let encode: Encode

    package init(reader: DatasetReader, encode: @escaping Encode) {
        self.reader = reader
        self.encode = encode
    }

    /// A file's rows as the model reads them.
    package struct Prepared: Sendable {
        package var examples: [TokenisedExample]
        /// Rows whose text was longer than the model is asked to read.
        package var truncatedCount: Int
    }

    /// Tokenises every row, on all processors.
    /// - Parameter targets: One a row.
    /// - Throws: What the tokenizer throws, of the first row that it refuses.
    package func tokenise(_ dataset: Dataset, targets: [Target]) throws -> Prepared {
        precondition(
            targets.count == dataset.examples.count, "\(targets.count) targets for \(dataset.examples.count) rows")
        return try Self.inParallel(count: dataset.examples.count) { place in
            let row = dataset.examples[place]
            let encoded = try encode(row.text, row.pair)
            let example = TokenisedExample(
                index: row.index, tokenIDs: encoded.tokenIDs, tokenTypeIDs: encoded.tokenTypeIDs,
                target: targets[place])
            return (example, encoded.wasTruncated)
        }
    }

    /// Runs `body` on the place of every row, on all processors.
    /// - Returns: The results in file order.
    static func inParallel(
        count: Int, _ body: @Sendable (Int) throws -> (TokenisedExample, Bool)
    ) throws -> Prepared {
        let chunkSize = 512
        let chunks = (count + chunkSize - 1) / chunkSize
        let results = ChunkResults(count: chunks)
        DispatchQueue.concurrentPerform(iterations: chunks) { chunk in
            let range = chunk * chunkSize..<min(count, (chunk + 1) * chunkSize)
            results.set(chunk, Result { try range.map(body) })
        }
        var prepared = Prepared(examples: [], truncatedCount: 0)
        prepared.examples.reserveCapacity(count)
        for chunk in try results.all() {
            prepared.examples += chunk.map(\.0)
            prepared.truncatedCount += chunk.count(where: \.1)
        }
        return prepared
    }
}

/// Results of chunks that several threads make.
///
/// `@unchecked Sendable`: the array is behind `lock`.
private final class ChunkResults: @unchecked Sendable {
    typealias Chunk = [(TokenisedExample, Bool)]
    private let lock = NSLock()
    private var results: [Result<Chunk, any Error>?]

    init(count: Int) {
        results = [Result<Chunk, any Error>?](repeating: nil, count: count)
    }

    func set(_ index: Int, _ result: Result<Chunk, any Error>) {
        lock.withLock { results[index] = result }
    }

    func all() throws -> [Chunk] {
        try lock.withLock { try results.compactMap { try $0?.get() } }
    }
}
