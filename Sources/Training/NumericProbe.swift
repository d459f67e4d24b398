//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Digests
import Foundation
import Generation
import Randomness
import Tensors
package import Transformer

/// A fixed computation whose bits tell whether two machines compute alike: GEMMs of the model's shapes, the fused
/// kernels and AdamW, on numbers drawn from a fixed seed.
///
/// Workers state its SHA-256 when they join (docs/numerics.md, the exactness contract). It runs on one thread in the
/// mode of the slots' threads.
package enum NumericProbe {
    /// Rows of the probe's GEMMs: a typical shard, with tails for every kernel.
    private static let rowCounts = [1, 97]

    /// The probe's sum for a model.
    package static func digest(_ configuration: any BaseConfiguration) -> Digest {
        BLAS.useOneThread()
        return FloatingPointMode.flushingDenormals { compute(configuration) }
    }

    private static func compute(_ configuration: any BaseConfiguration) -> Digest {
        var hash = SHA256()
        var draws: UInt32 = 0
        let workspace = Workspace()
        func matrix(_ rows: Int, _ columns: Int, _ spread: Float = 1) -> Matrix {
            draws += 1
            let stream = RandomStream(seed: 0x6C6F_7261_6472_6F70, purpose: .numericProbe, index: draws)
            return Matrix(
                rows: rows, columns: columns,
                values: stream.uniform(count: rows * columns, low: -spread, high: spread))
        }
        let projections = configuration.projections.map { [$0.inputSize, $0.outputSize] }
        let embedding = (configuration as? EncoderConfiguration)?.embeddingSize ?? configuration.hiddenSize
        let shapes = Set(projections + [[embedding, configuration.hiddenSize]])
            .sorted { ($0[0], $0[1]) < ($1[0], $1[1]) }
        for shape in shapes {
            let weight = matrix(shape[1], shape[0], 0.05)
            let split = SplitWeight(weight)
            for rows in rowCounts {
                let x = matrix(rows, shape[0])
                let y = Matrix(rows: rows, columns: shape[1])
                y.setProduct(PackedRows(x, in: workspace), transposed: weight)
                hash.update(y.values)
                let back = Matrix(rows: rows, columns: shape[0])
                back.setProduct(y, weight)
                hash.update(back.values)
                y.setSplitProduct(PackedRows(x, for: .high, in: workspace), transposed: split)
                hash.update(y.values)
                back.setSplitProduct(y, split, in: workspace)
                hash.update(back.values)
                let down = Matrix(rows: 8, columns: shape[0])
                down.setProduct(transposed: matrix(rows, 8), x)
                hash.update(down.values)
            }
        }
        for rows in rowCounts {
            kernels(rows: rows, configuration, matrix: matrix, into: &hash)
        }
        return hash.finish()
    }

    private static func kernels(
        rows: Int, _ configuration: any BaseConfiguration,
        matrix: (_ rows: Int, _ columns: Int, _ spread: Float) -> Matrix, into hash: inout SHA256
    ) {
        let hidden = configuration.hiddenSize
        let activated = matrix(rows, hidden, 4)
        let slope = Matrix(rows: rows, columns: hidden)
        let encoder = configuration as? EncoderConfiguration
        (encoder?.activation ?? .gelu).apply(to: activated, bias: matrix(1, hidden, 1), slope: slope)
        hash.update(activated.values + slope.values)
        let normalised = Matrix(rows: rows, columns: hidden)
        LayerNorm(
            gamma: matrix(1, hidden, 1), beta: matrix(1, hidden, 1), epsilon: encoder?.layerNormEpsilon ?? 1e-12
        ).apply(activated, residual: matrix(rows, hidden, 1), into: normalised)
        hash.update(normalised.values)
        let scores = matrix(rows, rows + 3, 6)
        scores.applySoftmax(scale: 0.25)
        hash.update(scores.values)
        if let decoder = configuration as? DecoderConfiguration {
            decoderKernels(rows: rows, decoder, matrix: matrix, into: &hash)
        }
        let parameters = matrix(1, hidden, 1)
        let first = Matrix(rows: 1, columns: hidden)
        let second = Matrix(rows: 1, columns: hidden)
        for step in 1...3 {
            AdamW().update(
                parameters, firstMoments: first, secondMoments: second, gradients: matrix(1, hidden, 0.1),
                learningRate: 1e-3, weightDecay: 0.01, step: step)
        }
        hash.update(parameters.values + first.values + second.values)
        hash.update([activated.sumOfSquares])
    }

    private static func decoderKernels(
        rows: Int, _ configuration: DecoderConfiguration,
        matrix: (_ rows: Int, _ columns: Int, _ spread: Float) -> Matrix, into hash: inout SHA256
    ) {
        let hidden = configuration.hiddenSize
        let x = matrix(rows, hidden, 2)
        let reciprocals = Matrix(rows: rows, columns: 1)
        let norm = RMSNorm(gamma: matrix(1, hidden, 1), epsilon: configuration.normEpsilon)
        norm.apply(x, into: x, reciprocals: reciprocals)
        norm.backward(matrix(rows, hidden, 1), x: x, reciprocals: reciprocals, into: x, adding: true)
        let heads = matrix(rows, configuration.headSize, 1)
        RotaryTable(
            positions: 0..<rows,
            inverseFrequencies: configuration.rotary.inverseFrequencies(
                headSize: configuration.headSize, length: rows), factor: 1
        ).turn(heads, firstPosition: 0)
        let (gate, up) = (matrix(rows, hidden, 6), matrix(rows, hidden, 1))
        SiLUGate.apply(gate: gate, up: up, into: gate)
        let scores = matrix(rows, rows + 3, 6)
        scores.applyCausalSoftmax(scale: 0.25, first: 3, window: nil)
        let logits = matrix(rows, 4099, 6)
        let losses = logits.crossEntropy(labels: (0..<Int32(rows)).map { $0 }, differentiating: true)
        hash.update(x.values + heads.values + gate.values + scores.values + logits.values)
        hash.update(losses)
        // Which text beams find depends on the C library's exp and log.
        hash.update(NextToken.logProbabilities(scores.rows(0..<1).values))
    }
}

extension NumericProbe {
    /// The processor and its instructions, for messages about workers whose bits differ.
    package static var machineDescription: String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        let processor = model.flatMap { $0.split(separator: ":").last }?.trimmingCharacters(in: .whitespaces)
        let matrixUnit = MatmulPrecision.hasMatrixUnit ? " and AMX" : ""
        return "\(processor ?? "an unknown processor"), products with \(ProductKernels.description)\(matrixUnit)"
    }
}
