//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Testing

@Suite("Lists of labels")
struct LabelListTests {
    private func dataset(_ labels: [String], source: String = "train.tsv") throws -> Dataset {
        try parse(labels.map { "text\t\($0)\n" }.joined(), as: source)
    }

    @Test("labels are sorted as numbers where all are whole numbers, else by code points")
    func order() throws {
        #expect(try LabelList(distinctIn: dataset(["10", "9", "-1", "9"])).names == ["-1", "9", "10"])
        #expect(try LabelList(distinctIn: dataset(["10", "9", "a"])).names == ["10", "9", "a"])
        #expect(try LabelList(distinctIn: dataset(["10", "09"])).names == ["09", "10"])
        #expect(try LabelList(distinctIn: dataset(["z", "é", "Z", "neutral"])).names == ["Z", "neutral", "z", "é"])
    }

    @Test("targets are places in the list")
    func targets() throws {
        let list = try LabelList(["no", "yes"], source: "task.labels")
        #expect(try list.targets(of: dataset(["yes", "no"])) == [.classIndex(1), .classIndex(0)])
        #expect(try list.targets(of: parse("a\n", as: "a.tsv", label: nil)) == [.none])
        #expect(list.index(of: "maybe") == nil)
    }

    @Test("an unknown label is an error with file, line and the known ones")
    func unknown() throws {
        let list = try LabelList(["no", "yes"], source: "task.labels")
        let data = try dataset(["yes", "maybe"], source: "dev.tsv")
        let error = #expect(throws: DatasetError.self) { try list.targets(of: data) }
        #expect(error?.description == "dev.tsv:2: the label \"maybe\" is not among the 2 known ones: \"no\", \"yes\"")
    }

    @Test("one label, a label given twice, and scores are no list of classes")
    func refused() throws {
        #expect(throws: DatasetError.self) { try LabelList(distinctIn: dataset(["1", "1"])) }
        #expect(throws: DatasetError.self) { try LabelList(["a", "b", "a"], source: "task.labels") }
        let scores = try parse("a\t1\n", as: "a.tsv", kind: .regression)
        #expect(throws: DatasetError.self) { try LabelList(distinctIn: scores) }
        let list = try LabelList(["no", "yes"], source: "task.labels")
        #expect(throws: DatasetError.self) { try list.targets(of: scores) }
        #expect(throws: DatasetError.self) { try dataset(["1", "2"]).scoreTargets() }
    }
}
