//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The runs of a campaign, drawn from a seed: which faults, where, with how many workers.
package struct FaultDraw: Sendable {
    /// A kind of fault at a kind of place: what a campaign has to hit.
    package struct Cell: Hashable, Sendable {
        /// As `Fault.kind` has it.
        package let kind: String
        package let event: RunPlace.Event

        package init(_ kind: String, _ event: RunPlace.Event) {
            self.kind = kind
            self.event = event
        }
    }

    /// One run: its workers, and its faults as flags of `loradrop simulate`.
    package struct Run: Hashable, Sendable {
        package var workers: Int
        package var flags: [String]
        package var cells: [Cell]
    }

    /// How often things happen in the run that is disturbed.
    package struct Course: Hashable, Sendable {
        package var probeSteps: Int
        package var fineTuneSteps: Int
        /// Evaluations and checkpoints that surely happen.
        package var boundaries: Int

        package init(probeSteps: Int, fineTuneSteps: Int, boundaries: Int) {
            self.probeSteps = probeSteps
            self.fineTuneSteps = fineTuneSteps
            self.boundaries = boundaries
        }
    }

    package static let kinds = ["kill", "stop", "disconnect", "partition", "join", "kill-coordinator"]
    package static let cells = kinds.flatMap { kind in RunPlace.Event.allCases.map { Cell(kind, $0) } }

    private let seed: UInt64
    private let course: Course

    package init(seed: UInt64, course: Course) {
        self.seed = seed
        self.course = course
    }

    /// The run of this number, from 0.
    ///
    /// Its first fault goes through all cells in a drawn order, so that as many runs as there are cells hit each at
    /// least once; up to two more are drawn freely.
    package func run(_ index: Int) -> Run {
        var order = SplitMix(seed: seed, stream: UInt64(index / Self.cells.count))
        var draw = SplitMix(seed: seed, stream: 1 << 32 | UInt64(index))
        var cells = [Self.cells.shuffled(using: &order)[index % Self.cells.count]]
        for _ in 0..<Int.random(in: 0...2, using: &draw) {
            cells.append(Self.cells.randomElement(using: &draw) ?? cells[0])
        }
        let workers = Int.random(in: 2...4, using: &draw)
        var flags: [String] = []
        var joined = workers
        for cell in cells {
            let place = place(cell.event, &draw)
            let worker = Int.random(in: 0..<workers, using: &draw)
            // Shorter and longer than the silence after which somebody counts as lost.
            let time = ["200ms", "1s", "4500ms"].randomElement(using: &draw) ?? "1s"
            switch cell.kind {
            case "kill": flags += ["--kill", "\(worker)@\(place)"]
            case "stop": flags += ["--stop", "\(worker)@\(place):\(time)"]
            case "disconnect": flags += ["--disconnect", "\(worker)@\(place)"]
            case "partition":
                let others = (0..<workers).filter { $0 != worker }.map(String.init).joined(separator: ",")
                let sides = [
                    // From everybody; from the workers alone; from the coordinator alone.
                    "\(others)|\(worker)", "\(others),coordinator|\(worker),coordinator", "coordinator|\(worker)",
                ]
                flags += ["--partition", "\(sides.randomElement(using: &draw) ?? sides[0])@\(place):\(time)"]
            case "join":
                flags += ["--join", "\(joined)@\(place)"]
                joined += 1
            default: flags += ["--kill", "coordinator@\(place)"]
            }
        }
        return Run(workers: workers, flags: flags, cells: cells)
    }

    private func place(_ event: RunPlace.Event, _ draw: inout SplitMix) -> String {
        switch event {
        case .probe: "probe:\(Int.random(in: 1...course.probeSteps, using: &draw))"
        case .fineTune: "\(Int.random(in: 1..<course.fineTuneSteps, using: &draw))"
        case .evaluation, .checkpoint: "\(event.rawValue):\(Int.random(in: 1...course.boundaries, using: &draw))"
        case .importance, .decision, .export: event.rawValue
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): small and the same everywhere.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    /// - Parameter stream: Streams of one seed have nothing to do with each other.
    init(seed: UInt64, stream: UInt64) {
        state = seed
        let first = next()
        state = first ^ (stream &* 0xD134_2543_DE82_EF95)
        _ = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
