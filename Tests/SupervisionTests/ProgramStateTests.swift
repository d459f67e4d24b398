//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Supervision
import Testing

@Suite("What the end of a process means")
struct ProgramStateTests {
    private func program(_ restart: Specification.Program.Restart, _ maxRestarts: Int) -> ProgramState {
        ProgramState(
            Specification.Program(
                name: "w", executable: "x", arguments: [], restart: restart, maxRestarts: maxRestarts))
    }

    @Test("An exit code of 0 and a farewell are an end as it should be")
    func done() {
        var state = program(.onFailure, 3)
        #expect(state.ended(.exit(0), ranFor: 1, saidFarewell: false) == .done)
        #expect(state.ended(.exit(1), ranFor: 1, saidFarewell: true) == .done)
        #expect(state.ended(.signal(9), ranFor: 1, saidFarewell: true) == .done)
    }

    @Test("A worker is started again after longer and longer pauses, so often and no more")
    func restarts() {
        var state = program(.onFailure, 8)
        for pause in [1.0, 2, 4, 8, 16, 32, 60, 60] {
            #expect(state.ended(.signal(9), ranFor: 1, saidFarewell: false) == .restart(after: pause))
        }
        #expect(
            state.ended(.exit(1), ranFor: 1, saidFarewell: false) == .failed("exit code 1, after 8 restarts"))
    }

    @Test("A sound stretch clears what was before")
    func forgives() {
        var state = program(.onFailure, 1)
        for _ in 0..<5 {
            #expect(state.ended(.signal(9), ranFor: 300, saidFarewell: false) == .restart(after: 1))
        }
        #expect(
            state.ended(.signal(9), ranFor: 299, saidFarewell: false)
                == .failed("killed by signal 9, after 1 restarts"))
    }

    @Test("Wrong usage and a missing program stay so; a coordinator is started again after signals only")
    func refuses() {
        for code: Int32 in [2, 126, 127] {
            var worker = program(.onFailure, 3)
            #expect(
                worker.ended(.exit(code), ranFor: 1, saidFarewell: false) == .failed("exit code \(code)"))
        }
        var coordinator = program(.onSignal, 3)
        #expect(coordinator.ended(.exit(1), ranFor: 900, saidFarewell: false) == .failed("exit code 1"))
        #expect(coordinator.ended(.signal(9), ranFor: 1, saidFarewell: false) == .restart(after: 1))
        var none = program(.onFailure, 0)
        #expect(none.ended(.signal(11), ranFor: 1, saidFarewell: false) == .failed("killed by signal 11"))
    }
}
