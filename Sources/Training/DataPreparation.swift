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
        let rows = dataset.examples
        let chunkSize = 512
        let chunks = (rows.count + chunkSize - 1) / chunkSize
        let results = ChunkResults(count: chunks)
        DispatchQueue.concurrentPerform(iterations: chunks) { chunk in
            let range = chunk * chunkSize..<min(rows.count, (chunk + 1) * chunkSize)
            results.set(
                chunk,
                Result {
                    try range.map { row in
                        let encoded = try encode(rows[row].text, rows[row].pair)
                        let example = TokenisedExample(
                            index: rows[row].index, tokenIDs: encoded.tokenIDs, tokenTypeIDs: encoded.tokenTypeIDs,
                            target: targets[row])
                        return (example, encoded.wasTruncated)
                    }
                })
        }
        var prepared = Prepared(examples: [], truncatedCount: 0)
        prepared.examples.reserveCapacity(rows.count)
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
