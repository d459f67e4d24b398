//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
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
    /// `@unchecked Sendable`: each slot has its own, but for weights, which nobody writes.
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
        /// Those of split floats, `training.matmul_precision` high.
        case split
    }

    /// Floats of a weight of which no cache holds much: all slots read the same one.
    private static let largeCount = 1 << 23

    /// - Parameters:
    ///   - generates: Whether logits over the vocabulary are computed.
    ///   - rows: M of the largest product.
    ///   - pool: Its slots are what is busy.
    init(_ configuration: any BaseConfiguration, generates: Bool, rows: Int, pool: SlotPool) {
        var counts: [[Int]: Int] = [:]
        for projection in configuration.projections {
            counts[[projection.outputSize, projection.inputSize], default: 0] += 1
        }
        if generates {
            counts[[configuration.vocabularySize, configuration.hiddenSize], default: 0] += 1
        }
        let shapes = counts.map { (output: $0.key[0], input: $0.key[1], count: $0.value) }
            .sorted { ($0.output, $0.input) < ($1.output, $1.input) }
        self.shapes = shapes
        self.pool = pool
        func filled(_ rows: Int, _ columns: Int) -> Matrix {
            let matrix = Matrix(rows: rows, columns: columns)
            matrix.fill(1e-3)
            return matrix
        }
        let large = shapes.map { shape in
            shape.output * shape.input >= Self.largeCount ? [filled(shape.output, shape.input)] : []
        }
        slots = (0..<pool.slotCount).map { _ in
            Operands(
                // Two matrices a shape, so that a product does not find all of its weight in the cache.
                weights: zip(shapes, large).map { shape, large in
                    large.isEmpty ? (0..<2).map { _ in filled(shape.output, shape.input) } : large
                },
                inputs: shapes.map { filled(rows, $0.input) }, outputs: shapes.map { filled(rows, $0.output) },
                workspace: Workspace())
        }
    }

    /// Every shape's product of forward and of backward, as often as its part of the model's operations is of
    /// `seconds` at 50 GFLOP/s a slot, and at least once.
    /// - Returns: GFLOP/s of all slots together over the model's shapes as often as each occurs, two operations a
    ///   multiply-add.
    func measure(rows: Int, seconds: Double, by implementation: Implementation = .blas) throws -> Double {
        let all = shapes.reduce(0) { $0 + operations($1, rows: rows) }
        var time = 0.0
        for (place, shape) in shapes.enumerated() {
            let repeats = max(1, Int(Double(shape.count) * seconds * 50e9 / all))
            let took = try multiply(place, rows: rows, repeats: repeats, by: implementation)
            time += took * Double(shape.count) / Double(repeats)
        }
        return Double(slots.count) * all / time / 1e9
    }

    /// Multiplies by one shape on every slot.
    ///
    /// The slot that is done first helps the others where the products are our own of floats (`ProductCrew`).
    /// - Returns: Seconds.
    private func multiply(
        _ place: Int, rows: Int, repeats: Int, by implementation: Implementation
    ) throws -> Double {
        let slots = slots
        let began = DispatchTime.now().uptimeNanoseconds
        try pool.forEach(count: slots.count) { _, slot in
            let operands = slots[slot]
            let input = operands.inputs[place].rows(0..<rows)
            let output = operands.outputs[place].rows(0..<rows)
            for repetition in 0..<repeats {
                let weight = operands.weights[place][repetition % operands.weights[place].count]
                switch implementation {
                case .blas:
                    gemm(input, weight, transposed: true, into: output)
                    gemm(output, weight, into: input, alpha: 1)
                case .own:
                    operands.workspace.scope {
                        output.setProduct(PackedRows(input, in: operands.workspace), transposed: weight)
                    }
                    input.setProduct(output, weight)
                case .split:
                    operands.workspace.scope {
                        let packed = PackedRows(input, for: .high, forTrained: false, in: operands.workspace)
                        output.setSplitProduct(packed, transposed: SplitWeight(weight))
                    }
                    input.setSplitProduct(output, SplitWeight(weight), in: operands.workspace)
                }
            }
        }
        return Double(DispatchTime.now().uptimeNanoseconds - began) / 1e9
    }

    /// Those of both products of a shape, as often as it occurs.
    private func operations(_ shape: (output: Int, input: Int, count: Int), rows: Int) -> Double {
        4 * Double(shape.count * shape.output * shape.input * rows)
    }
}

/// `loradrop bench gemm`.
package enum GEMMBenchmark {
    /// Measures the products of the model's own shapes at several heights.
    package static func run(_ settings: RunSettings, rounds: Int) throws -> BenchmarkReport {
        let configuration = try BaseConfigurations.read(folder: settings.model)
        let heights = [24, 48, 96, 192, 384]
        let pool = SlotPool(slotCount: settings.cluster.slots)
        let rate = ProductRate(
            configuration, generates: settings.task.kind == .generation, rows: heights.max() ?? 1, pool: pool)
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
                let rates = try (0..<rounds).map { _ in
                    try rate.measure(rows: rows, seconds: 0.2, by: implementation)
                }
                values += [Repetitions.median(rates), rates.min() ?? 0, rates.max() ?? 0]
            }
            table.add("\(rows)", values)
        }
        report.tables.append(table)
        return report
    }
}
