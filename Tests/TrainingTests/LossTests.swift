//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Foundation
import Tensors
import Testing
import Training

struct LossTests {
    private struct Schedule: Decodable {
        let schedule: String
        let totalSteps, warmupSteps: Int
        let multipliers: [Double]
    }

    @Test("every schedule has the multipliers of transformers, step by step")
    func schedules() throws {
        let known = try Vectors.read([Schedule].self, Vectors.folder + "/schedules.json")
        #expect(Set(known.map(\.schedule)) == ["linear", "cosine", "constant"])
        for one in known {
            let schedule = LearningRateSchedule(
                shape: try #require(LearningRateSchedule.Shape(rawValue: one.schedule)),
                warmupSteps: one.warmupSteps, totalSteps: one.totalSteps)
            for (step, expected) in one.multipliers.enumerated() {
                let found = schedule.multiplier(step: step)
                #expect(
                    abs(found - expected) < 1e-12,
                    "\(one.schedule), \(one.warmupSteps) of \(one.totalSteps), step \(step): \(found)")
            }
        }
    }

    @Test("the warm-up is a number of steps, or a part of all, rounded up as transformers does")
    func warmup() {
        #expect(Warmup.steps(7).steps(of: 3) == 7)
        #expect(Warmup.ratio(0).steps(of: 100) == 0)
        #expect(Warmup.ratio(0.06).steps(of: 100) == 6)
        #expect(Warmup.ratio(0.06).steps(of: 101) == 7)
        #expect(Warmup.ratio(1).steps(of: 5) == 5)
    }

    private static let rows: [[Float]] = [
        [0.3, -1.2, 2.5, 0, 0.7], [-4, 4, 0.5, 0.25, -3], [1e-3, 0, 0, 2e-3, 0], [9, 8, -9, 7, 1],
    ]

    private static func matrix(_ rows: [[Float]]) -> Matrix {
        Matrix(rows: rows.count, columns: rows[0].count, values: rows.flatMap(\.self))
    }

    /// The slope of the loss in one logit, by a central difference of the losses in double precision.
    private func slope(_ loss: Loss, _ row: [Float], _ column: Int, _ target: Target) -> Double {
        let step: Float = 1.0 / 256
        var (upper, lower) = (row, row)
        upper[column] += step
        lower[column] -= step
        let width = Double(upper[column]) - Double(lower[column])
        return (loss.value(logits: upper, target: target) - loss.value(logits: lower, target: target)) / width
    }

    @Test("the gradient of the cross-entropy is its slope")
    func crossEntropy() {
        let targets = [2, 0, 4, 1].map { Target.classIndex($0) }
        let gradient = Matrix(rows: 4, columns: 5)
        let sum = Loss.crossEntropy.sum(logits: Self.matrix(Self.rows), targets: targets, gradient: gradient)
        let single = zip(Self.rows, targets).map { Loss.crossEntropy.value(logits: $0, target: $1) }
        #expect(abs(sum - single.reduce(0, +)) < 1e-12)
        for (row, logits) in Self.rows.enumerated() {
            for column in logits.indices {
                let expected = slope(.crossEntropy, logits, column, targets[row])
                #expect(abs(Double(gradient[row, column]) - expected) < 1e-5, "row \(row), column \(column)")
            }
        }
    }

    @Test("the gradient of the squared error is its slope")
    func squaredError() {
        let logits: [[Float]] = [[0.25], [-3], [5]]
        let targets: [Target] = [.score(1), .score(-3), .score(0.5)]
        let gradient = Matrix(rows: 3, columns: 1)
        let sum = Loss.squaredError.sum(logits: Self.matrix(logits), targets: targets, gradient: gradient)
        #expect(sum == 0.75 * 0.75 + 4.5 * 4.5)
        for row in logits.indices {
            let expected = slope(.squaredError, logits[row], 0, targets[row])
            #expect(abs(Double(gradient[row, 0]) - expected) < 1e-5)
        }
    }

    @Test("the cross-entropy of logits far apart is a number")
    func farApart() {
        #expect(Loss.crossEntropy.value(logits: [1000, -1000], target: .classIndex(0)) == 0)
        #expect(Loss.crossEntropy.value(logits: [1000, -1000], target: .classIndex(1)) == 2000)
        #expect(abs(Loss.crossEntropy.value(logits: [3, 3, 3, 3], target: .classIndex(2)) - log(4)) < 1e-15)
    }
}
