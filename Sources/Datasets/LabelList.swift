//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The classes of a task in the order of the logits.
package struct LabelList: Sendable, Hashable {
    package let names: [String]
    private let places: [String: Int]

    /// The list as the configuration or an adapter gives it.
    ///
    /// Throws where it is not two or more different names.
    /// - Parameter source: who gives it, for the error.
    package init(_ names: [String], source: String) throws(DatasetError) {
        var places: [String: Int] = [:]
        for (place, name) in names.enumerated() {
            if let first = places.updateValue(place, forKey: name) {
                throw DatasetError(
                    .label, source: source, "the label \"\(name)\" stands at places \(first) and \(place) of the list")
            }
        }
        guard (2...DataLimits.labelCount).contains(names.count) else {
            throw DatasetError(
                .label, source: source,
                "expected from 2 to \(DataLimits.labelCount) labels, found \(names.count)"
                    + (names.count == 1 ? ": \"\(names[0])\"" : ""))
        }
        self.names = names
        self.places = places
    }

    /// The sorted distinct labels of a training set: as numbers where all of them are whole numbers (so that 10 comes
    /// after 9), else by code points.
    package init(distinctIn dataset: Dataset) throws(DatasetError) {
        var distinct: Set<String> = []
        for (example, line) in zip(dataset.examples, dataset.lines) {
            guard case .category(let name) = example.label else {
                throw DatasetError(.label, source: dataset.source, line: line, "the row has no class label")
            }
            distinct.insert(name)
            if distinct.count > DataLimits.labelCount {
                throw DatasetError(
                    .label, source: dataset.source, line: line,
                    "more than \(DataLimits.labelCount) different labels; is task.columns.label the right column, "
                        + "or is this a regression?")
            }
        }
        try self.init(Self.sorted(distinct), source: dataset.source)
    }

    private static func sorted(_ names: Set<String>) -> [String] {
        // "01" and "+1" are names, not numbers: each number has one spelling.
        let numbers = names.compactMap { name in Int(name).flatMap { String($0) == name ? $0 : nil } }
        if numbers.count == names.count {
            return numbers.sorted().map { String($0) }
        }
        return names.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    }

    /// The place of a label; nil where it is not in the list.
    package func index(of name: String) -> Int? {
        places[name]
    }

    /// The place of the label that a binary F1 counts: the one that is named, else the last.
    package func positivePlace(named name: String?) throws(DatasetError) -> Int {
        guard let name else { return names.count - 1 }
        guard let place = places[name] else {
            throw DatasetError(
                .label, source: "task.positive_label",
                "\"\(name)\" is not among the labels \(names.joined(separator: ", "))")
        }
        return place
    }

    /// The target of every example of a dataset, in its order; an unknown label is an error that names its line.
    package func targets(of dataset: Dataset) throws(DatasetError) -> [Target] {
        var targets: [Target] = []
        targets.reserveCapacity(dataset.examples.count)
        for (example, line) in zip(dataset.examples, dataset.lines) {
            switch example.label {
            case nil: targets.append(.none)
            case .category(let name):
                guard let index = places[name] else {
                    let shown = names.prefix(20).map { "\"\($0)\"" }.joined(separator: ", ")
                    throw DatasetError(
                        .label, source: dataset.source, line: line,
                        "the label \"\(name)\" is not among the \(names.count) known ones: \(shown)"
                            + (names.count > 20 ? ", …" : ""))
                }
                targets.append(.classIndex(index))
            case .score(let score):
                throw DatasetError(
                    .label, source: dataset.source, line: line, "expected a class label, found the score \(score)")
            }
        }
        return targets
    }
}

extension Dataset {
    /// The targets of a regression: the score of every example, none where there is no label column.
    package func scoreTargets() throws(DatasetError) -> [Target] {
        var targets: [Target] = []
        targets.reserveCapacity(examples.count)
        for (example, line) in zip(examples, lines) {
            switch example.label {
            case nil: targets.append(.none)
            case .score(let score): targets.append(.score(score))
            case .category(let name):
                throw DatasetError(.score, source: source, line: line, "expected a score, found the label \"\(name)\"")
            }
        }
        return targets
    }
}
