//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import Training

struct EarlyStoppingTests {
    /// Which of the values are the best so far, and after which the patience is used up.
    private func observe(_ values: [Double], _ stopping: EarlyStopping) -> (best: [Bool], stop: Int?) {
        var stopping = stopping
        var best: [Bool] = []
        var stop: Int?
        for (step, value) in values.enumerated() {
            best.append(stopping.observe(value, step: step))
            if stop == nil, stopping.shouldStop { stop = step }
        }
        return (best, stop)
    }

    @Test("the patience counts evaluations without improvement")
    func patience() {
        let found = observe(
            [0.5, 0.6, 0.6, 0.59, 0.7, 0.1, 0.2, 0.7],
            EarlyStopping(patience: 3, threshold: 0, higherIsBetter: true))
        #expect(found.best == [true, true, false, false, true, false, false, false])
        #expect(found.stop == 7)
    }

    @Test("for an error, lower is better; without patience nothing stops")
    func lower() {
        let found = observe(
            [2, 1, 1.5, 0.5, 3, 4, 5], EarlyStopping(patience: nil, threshold: 0, higherIsBetter: false))
        #expect(found.best == [true, true, false, true, false, false, false])
        #expect(found.stop == nil)
    }

    @Test("an improvement within the threshold is the best and yet uses the patience up, as in transformers")
    func threshold() {
        let found = observe(
            [0.5, 0.55, 0.58, 0.75], EarlyStopping(patience: 2, threshold: 0.1, higherIsBetter: true))
        #expect(found.best == [true, true, true, true])
        #expect(found.stop == 2)
    }

    @Test("a value that is no number is never the best")
    func notANumber() {
        let found = observe(
            [.nan, 0.1, .nan, .nan], EarlyStopping(patience: 2, threshold: 0, higherIsBetter: true))
        #expect(found.best == [false, true, false, false])
        #expect(found.stop == 3)
    }
}
