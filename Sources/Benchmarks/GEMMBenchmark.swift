//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
package import RunConfiguration
import Tensors
import Training
import Transformer

/// The rate of single-precision matrix products over a model's own shapes, with all slots busy at once: what a
/// training step is held against.
struct ProductRate: Sendable {
    /// How often each shape [outputSize, inputSize] occurs in the model.
    private let shapes: [(output: Int, input: Int, count: Int)]
    private let pool: SlotPool
    private let slots: [Operands]

    /// What one thread multiplies.
    ///
    /// `@unchecked Sendable`: each slot has its own.
    private struct Operands: @unchecked Sendable {
        let weights: [[Matrix]]
        let inputs: [Matrix]
        let outputs: [Matrix]
        let workspace: Workspace
    }

    /// The implementation of the product.
    enum Implementation: String, CaseIterable, Sendable {
        /// The BLAS library, on one thread a slot.
        case blas
        /// The trainer's own products.
        case own
    }

    /// - Parameters:
    ///   - rows: M of the largest product.
    ///   - pool: Its slots are what is busy.
    init(_ configuration: EncoderConfiguration, rows: Int, pool: SlotPool) {
        var counts: [[Int]: Int] = [:]
        for projection in configuration.projections {
            counts[[projection.outputSize, projection.inputSize], default: 0] += 1
        }
        let shapes = counts.map { (output: $0.key[0], input: $0.key[1], count: $0.value) }
            .sorted { ($0.output, $0.input) < ($1.output, $1.input) }
        self.shapes = shapes
        self.pool = pool
        slots = (0..<pool.slotCount).map { _ in
            func filled(_ rows: Int, _ columns: Int) -> Matrix {
                let matrix = Matrix(rows: rows, columns: columns)
                matrix.fill(1e-3)
                return matrix
            }
            return Operands(
                // Two matrices a shape, so that a product does not find all of its weight in the cache.
                weights: shapes.map { shape in (0..<2).map { _ in filled(shape.output, shape.input) } },
                inputs: shapes.map { filled(rows, $0.input) }, outputs: shapes.map { filled(rows, $0.output) },
                workspace: Workspace())
        }
    }

    /// One round: every projection's product of forward and of backward once, `repeats` times.
    /// - Returns: GFLOP/s of all slots together, two operations a multiply-add.
    func measure(rows: Int, repeats: Int, by implementation: Implementation = .blas) throws -> Double {
        let slots = slots
        let shapes = shapes
        let began = DispatchTime.now().uptimeNanoseconds
        try pool.forEach(count: slots.count) { _, slot in
            for repetition in 0..<repeats {
                for (place, shape) in shapes.enumerated() {
                    for number in 0..<shape.count {
                        let weight = slots[slot].weights[place][(repetition + number) % 2]
                        let input = slots[slot].inputs[place].rows(0..<rows)
                        let output = slots[slot].outputs[place].rows(0..<rows)
                        switch implementation {
                        case .blas:
                            gemm(input, weight, transposed: true, into: output)
                            gemm(output, weight, into: input, alpha: 1)
                        case .own:
                            slots[slot].workspace.scope {
                                output.setProduct(
                                    PackedRows(input, in: slots[slot].workspace), transposed: weight)
                            }
                            input.setProduct(output, weight)
                        }
                    }
                }
            }
        }
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - began) / 1e9
        return Double(slots.count * repeats) * operations(rows: rows) / seconds / 1e9
    }

    private func operations(rows: Int) -> Double {
        shapes.reduce(0) { $0 + 4 * Double($1.count * $1.output * $1.input * rows) }
    }

    /// As many repetitions as take about `seconds` at 50 GFLOP/s a slot.
    func repeats(rows: Int, seconds: Double) -> Int {
        max(1, Int(seconds * 50e9 / operations(rows: rows)))
    }
}

/// `loradrop bench gemm`.
package enum GEMMBenchmark {
    /// Measures the products of the model's own shapes at several heights.
    package static func run(_ settings: RunSettings, rounds: Int) throws -> BenchmarkReport {
        let configuration = try EncoderConfiguration(folder: settings.model)
        let heights = [24, 48, 96, 192, 384]
        let pool = SlotPool(slotCount: settings.cluster.slots)
        let rate = ProductRate(configuration, rows: heights.max() ?? 1, pool: pool)
        var report = BenchmarkReport(command: "bench gemm --slots \(settings.cluster.slots) --rounds \(rounds)")
        var table = BenchmarkReport.Table(
            key: "products", title: "products of the model's shapes, GFLOP/s of all slots together",
            columns: [("rows", "rows")]
                + ProductRate.Implementation.allCases.flatMap { implementation in
                    ["median", "lowest", "highest"].map {
                        ("\(implementation.rawValue) \($0)", "\(implementation.rawValue)_\($0)")
                    }
                })
        for rows in heights {
            var values: [Double] = []
            for implementation in ProductRate.Implementation.allCases {
                let repeats = rate.repeats(rows: rows, seconds: 0.2)
                let rates = try (0..<rounds).map { _ in
                    try rate.measure(rows: rows, repeats: repeats, by: implementation)
                }
                values += [Repetitions.median(rates), rates.min() ?? 0, rates.max() ?? 0]
            }
            table.add("\(rows)", values)
        }
        report.tables.append(table)
        return report
    }
}
