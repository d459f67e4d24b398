//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Collectives
package import JSONText

/// How long all-reduces of one kind took, on worker 0.
package struct AllReduceMeasurement: Hashable, Sendable {
    /// How many workers took part.
    package let worldSize: Int
    /// The vector's length, in 64-bit integers.
    package let elementCount: Int
    /// What was asked for: an algorithm's name, or "auto" for the plan that the workers choose.
    package let choice: String
    /// The algorithm that ran.
    package let algorithm: String
    /// How often it was measured.
    package let count: Int
    /// In seconds.
    package let median: Double
    /// The shortest, in seconds.
    package let best: Double
    /// The ninth decile, in seconds.
    package let slow: Double

    /// - Precondition: At least one time.
    init(worldSize: Int, elementCount: Int, choice: String, algorithm: String, times: [Double]) {
        precondition(!times.isEmpty, "no times of \(choice) with \(elementCount) elements")
        let sorted = times.sorted()
        self.worldSize = worldSize
        self.elementCount = elementCount
        self.choice = choice
        self.algorithm = algorithm
        count = sorted.count
        median = sorted[sorted.count / 2]
        best = sorted[0]
        slow = sorted[sorted.count * 9 / 10]
    }

    /// The vector's bytes over the median time, in bytes a second.
    package var bandwidth: Double {
        Double(elementCount * MemoryLayout<Int64>.size) / median
    }

    package var json: JSONValue {
        .object([
            JSONMember("world", .integer(worldSize)),
            JSONMember("elements", .integer(elementCount)),
            JSONMember("choice", .string(choice)),
            JSONMember("algorithm", .string(algorithm)),
            JSONMember("count", .integer(count)),
            JSONMember("median_seconds", .real(median)),
            JSONMember("best_seconds", .real(best)),
            JSONMember("ninth_decile_seconds", .real(slow)),
            JSONMember("bytes_per_second", .real(bandwidth)),
        ])
    }

    /// Reads what `json` wrote; nil for anything else.
    init?(json: JSONValue) {
        guard let worldSize = json["world"]?.integer(Int.self), let elementCount = json["elements"]?.integer(Int.self),
            let choice = json["choice"]?.string, let algorithm = json["algorithm"]?.string,
            let count = json["count"]?.integer(Int.self), let median = json["median_seconds"]?.real,
            let best = json["best_seconds"]?.real, let slow = json["ninth_decile_seconds"]?.real
        else { return nil }
        self.worldSize = worldSize
        self.elementCount = elementCount
        self.choice = choice
        self.algorithm = algorithm
        self.count = count
        self.median = median
        self.best = best
        self.slow = slow
    }
}
