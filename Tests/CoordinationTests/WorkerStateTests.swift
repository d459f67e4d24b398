//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
import Testing

private typealias Machine = WorkerState<Int>

@Suite("A worker's side")
struct WorkerStateTests {
    /// Directives in a form that compares.
    private func words(_ directives: [Machine.Directive]) -> [String] {
        directives.map { directive in
            switch directive {
            case .perform(.formLinks(_, let generation)): "links \(generation)"
            case .perform(.beginPhase(let payload)): "phase \(payload)"
            case .perform(.compute(let payload, _)): "compute \(payload)"
            case .perform(.sendState(let payload)): "state \(payload)"
            case .perform(.halt(let generation)): "halt \(generation)"
            case .interrupt: "interrupt"
            case .reportTrouble: "trouble"
            }
        }
    }

    /// A machine that has linked up in generation 1.
    private func linked() throws -> Machine {
        var state = Machine()
        #expect(words(try state.handle(.ordered(.formLinks(0, generation: 1)))) == ["links 1"])
        #expect(words(try state.handle(.ended(.done))) == [])
        return state
    }

    @Test("Tasks are carried out one at a time and in order")
    func inOrder() throws {
        var state = try linked()
        #expect(words(try state.handle(.ordered(.beginPhase(1)))) == ["phase 1"])
        #expect(words(try state.handle(.ordered(.compute(2, generation: 1)))) == [])
        #expect(words(try state.handle(.ordered(.sendState(3)))) == [])
        #expect(words(try state.handle(.ended(.done))) == ["compute 2"])
        #expect(words(try state.handle(.ended(.done))) == ["state 3"])
        #expect(words(try state.handle(.ended(.done))) == [])
    }

    @Test("A halt interrupts what is under way, drops what waits, and is answered after it")
    func halt() throws {
        var state = try linked()
        _ = try state.handle(.ordered(.compute(1, generation: 1)))
        _ = try state.handle(.ordered(.compute(2, generation: 1)))
        #expect(words(try state.handle(.ordered(.halt(generation: 1)))) == ["interrupt"])
        #expect(words(try state.handle(.ended(.brokenOff))) == ["halt 1"])
        // The coordinator may know of the halt before this machine knows that it is done.
        #expect(words(try state.handle(.ordered(.formLinks(0, generation: 2)))) == [])
        #expect(words(try state.handle(.ended(.done))) == ["links 2"])
    }

    @Test("An idle worker answers a halt at once; one that finished all the same answers after it")
    func haltWhileIdle() throws {
        var idle = try linked()
        #expect(words(try idle.handle(.ordered(.halt(generation: 1)))) == ["halt 1"])
        var busy = try linked()
        _ = try busy.handle(.ordered(.compute(1, generation: 1)))
        _ = try busy.handle(.ordered(.halt(generation: 1)))
        #expect(words(try busy.handle(.ended(.done))) == ["halt 1"])
    }

    @Test("After trouble nothing of the generation is begun; the halt is still answered")
    func trouble() throws {
        var state = try linked()
        _ = try state.handle(.ordered(.compute(1, generation: 1)))
        _ = try state.handle(.ordered(.compute(2, generation: 1)))
        #expect(words(try state.handle(.ended(.brokenOff))) == ["trouble"])
        #expect(words(try state.handle(.ordered(.compute(3, generation: 1)))) == [])
        #expect(words(try state.handle(.ordered(.halt(generation: 1)))) == ["halt 1"])
    }

    @Test("A generation can be halted again while the halt of the one before is still being carried out")
    func haltAfterHalt() throws {
        var state = try linked()
        _ = try state.handle(.ordered(.halt(generation: 1)))
        _ = try state.handle(.ordered(.formLinks(0, generation: 2)))
        #expect(words(try state.handle(.ordered(.halt(generation: 2)))) == ["interrupt"])
        #expect(words(try state.handle(.ended(.done))) == ["halt 2"])
        #expect(words(try state.handle(.ended(.done))) == [])
    }

    @Test("After a failure nothing follows")
    func failed() throws {
        var state = try linked()
        _ = try state.handle(.ordered(.compute(1, generation: 1)))
        _ = try state.handle(.ordered(.compute(2, generation: 1)))
        #expect(words(try state.handle(.ended(.failed))) == [])
        #expect(words(try state.handle(.ordered(.halt(generation: 1)))) == [])
    }

    @Test("A coordinator that does not follow the protocol is not followed")
    func violations() throws {
        let orders: [(String, Machine.Task)] = [
            ("a roster of the same generation", .formLinks(0, generation: 1)),
            ("a roster before the halt", .formLinks(0, generation: 2)),
            ("work of another generation", .compute(1, generation: 2)),
            ("the halt of another generation", .halt(generation: 2)),
        ]
        for (what, order) in orders {
            var state = try linked()
            #expect(throws: Machine.Violation.self, "\(what)") { _ = try state.handle(.ordered(order)) }
        }
        var halted = try linked()
        _ = try halted.handle(.ordered(.compute(1, generation: 1)))
        _ = try halted.handle(.ordered(.halt(generation: 1)))
        #expect(throws: Machine.Violation.self, "a second halt") {
            _ = try halted.handle(.ordered(.halt(generation: 1)))
        }
    }

    @Test("The queue of tasks is bounded")
    func bounded() throws {
        var state = try linked()
        for task in 0...64 {
            _ = try state.handle(.ordered(.compute(task, generation: 1)))
        }
        #expect(throws: Machine.Violation.self) { _ = try state.handle(.ordered(.compute(65, generation: 1))) }
    }
}
