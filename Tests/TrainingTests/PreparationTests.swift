//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Digests
import Foundation
import Testing
import Training

struct PreparationTests {
    private static func preparation(refusing refused: String? = nil) -> DataPreparation {
        let columns = DataColumns(text: ColumnSelector("0"), textPair: nil, label: nil)
        let options = DatasetOptions(
            format: .tsv, header: false, quoting: nil, columns: columns, kind: .classification)
        return DataPreparation(reader: DatasetReader(options)) { text, _ in
            if text == refused { throw Refused(text: text) }
            let tokens = text.utf8.prefix(4).map { Int32($0) }
            return (tokens, tokens.map { _ in 0 }, text.utf8.count > 4)
        }
    }

    private struct Refused: Error, Equatable {
        let text: String
    }

    private static let dataset = Dataset(
        source: "x.tsv", examples: (0..<1300).map { Example(index: UInt32($0), text: "t\($0)") },
        lines: Array(1...1300))
    private static let targets = (0..<1300).map { Target.classIndex($0 % 3) }

    @Test("rows are tokenised in their order, with their targets, and those that were cut are counted")
    func order() throws {
        let prepared = try Self.preparation().tokenise(Self.dataset, targets: Self.targets)
        #expect(prepared.examples.map(\.index) == (0..<1300).map(UInt32.init))
        #expect(prepared.examples.map(\.target) == Self.targets)
        #expect(
            prepared.examples.map(\.tokenIDs) == Self.dataset.examples.map { $0.text.utf8.prefix(4).map(Int32.init) })
        // t1000 … t1299 have five bytes.
        #expect(prepared.truncatedCount == 300)
    }

    @Test("a text that the tokenizer refuses ends the preparation")
    func refused() {
        #expect(throws: Refused(text: "t777")) {
            try Self.preparation(refusing: "t777").tokenise(Self.dataset, targets: Self.targets)
        }
    }

    @Test("the numeric probe has one sum on one machine, whichever thread asks, and another for another model")
    func probe() throws {
        let configuration = try TestTraining().model.configuration
        let expected = NumericProbe.digest(configuration)
        #expect(NumericProbe.digest(configuration) == expected)
        let pool = SlotPool(slotCount: 2)
        try pool.forEach(count: 4) { _, _ in
            guard NumericProbe.digest(configuration) == expected else { throw Refused(text: "another sum") }
        }
        let other = try BaseModel(folder: Vectors.model("pairs"), trainPooler: false).configuration
        #expect(NumericProbe.digest(other) != expected)
    }
}
