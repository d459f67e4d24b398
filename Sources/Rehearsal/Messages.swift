//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination

/// What goes from a worker to the coordinator.
enum WorkerMessage {
    case hello(WorkerFacts)
    case linksReady(UInt32)
    case phaseReady(ModelState)
    case report(CollectiveReport, sum: UInt64)
    case shardAnswer(work: UInt64, shard: Int, answer: UInt64)
    case state(ModelState)
    case halted(UInt32, ModelState?)
    case heartbeat(WorkerStage)
    case failure(WorkerTrouble)
}

/// What goes from the coordinator to a worker.
enum CoordinatorMessage {
    case welcome(coordinator: Int)
    case refusal(JoinRefusal.Code)
    case roster(Roster, coordinator: Int)
    case phaseStart(PhaseStart)
    case assignment(Assignment)
    case sendState(step: Int)
    case halt(UInt32)
    case heartbeat
}

/// Take up a phase: from its beginning, or from a state.
struct PhaseStart {
    var phase: Int
    var decision: UInt64
    var state: ModelState?

    var begin: ModelState { state ?? .initial(phase: phase, decision: decision) }
}

/// A piece of work of the run.
struct Piece {
    var kind: WorkKind
    var phase: Int
    /// The 0-based step, or the pass.
    var number: Int

    var id: UInt64 { UInt64(kind.rawValue) << 40 | UInt64(number) }

    /// Tells it from the step of another phase in the same generation.
    var exchange: UInt64 { UInt64(phase) << 56 | id }

    func work(_ plan: RunPlan) -> Work {
        Work(
            id: id, kind: kind == .evaluate ? .independent : .collective, description: "\(kind) \(number) of \(phase)",
            shardTokens: plan.shardTokens(kind: kind, phase: phase, number: number),
            resultingStep: kind == .train ? number + 1 : nil)
    }
}

/// A worker's part in a piece of work.
struct Assignment {
    var piece: Piece
    var shards: [Int]
    var shardCount: Int
    var generation: UInt32
}

/// What a task of `WorkerState` carries.
enum Payload {
    case roster(Roster, coordinator: Int)
    case phase(PhaseStart)
    case assignment(Assignment)
    case step(Int)
}

/// What the run asks of the coordinator's loop.
enum Command {
    case beginPhase(PhaseStart)
    case give(Piece)
    case state
}

/// What the coordinator's loop tells the run.
enum Answer {
    case rosterReady
    case phaseBegan(UInt64)
    case stepDone(Piece, digest: UInt64)
    case sums(Piece, UInt64)
    case predictions(Piece, UInt64, count: Int)
    case state(ModelState)
    case stateLost
    case failed(RunFailure)
}

/// What happens at a time.
enum Happening {
    case connect(worker: Int, process: Int)
    case toCoordinator(link: Int, WorkerMessage)
    case toWorker(link: Int, CoordinatorMessage)
    case closedAtCoordinator(link: Int)
    case closedAtWorker(link: Int)
    case workerTick(worker: Int, process: Int)
    case coordinatorTick(coordinator: Int)
    case engine(worker: Int, task: Int, EngineEvent)
    case command(coordinator: Int, epoch: Int, Command)
    case answer(coordinator: Int, Answer)
    case written(coordinator: Int, Checkpoint)
    case processEnded(worker: Int)
    case startWorker(worker: Int)
    case startCoordinator
    case healed(UInt32)
    case fullSpeed(worker: Int)
    case faultsStop
}

/// How a task of a worker's engine goes on.
enum EngineEvent {
    case linksFormed
    case linksMissing
    case phaseTaken
    case shardDone
    case exchanged
    case dataLost
    case stateSent
    case halted
    case broken
}
