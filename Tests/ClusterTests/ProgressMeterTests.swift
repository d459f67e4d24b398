//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Testing

@Suite("The progress of a run")
struct ProgressMeterTests {
    @Test("speed and time left follow from the steps seen; before the second there are none")
    func steady() {
        var meter = ProgressMeter()
        #expect(meter.loss == nil && meter.tokensPerSecond == nil && meter.secondsLeft(3) == nil)
        meter.observe(tokens: 100, loss: 1, at: 10)
        #expect(meter.loss == 1 && meter.tokensPerSecond == nil)
        meter.observe(tokens: 50, loss: 3, at: 12)
        #expect(meter.loss == 2 && meter.tokensPerSecond == 25 && meter.secondsLeft(3) == 6)
        #expect(meter.secondsLeft(-1) == 0)
    }

    @Test("only the last twenty steps count")
    func window() {
        var meter = ProgressMeter()
        for step in 0..<100 {
            meter.observe(tokens: step < 80 ? 1000 : 10, loss: step < 80 ? 9 : 1, at: Double(step))
        }
        #expect(meter.loss == 1 && meter.tokensPerSecond == 10)
    }
}
