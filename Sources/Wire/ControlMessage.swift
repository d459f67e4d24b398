//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Everything that travels between a worker and the coordinator, on control links and on model links, both ways.
///
/// `FrameLimits` says who may send what.
package enum ControlMessage: Hashable, Sendable {
    case hello(Hello)
    case welcome(Welcome)
    case refusal(Refusal)
    case roster(Roster)
    case linksReady(LinksReady)
    case heartbeat(Heartbeat)
    case failure(Failure)
    case farewell(Farewell)
    case phaseStart(PhaseStart)
    case phaseReady(PhaseReady)
    case shardAssignment(ShardAssignment)
    case stepReport(StepReport)
    case predictionReport(PredictionReport)
    case textReport(TextReport)
    case snapshotRequest(SnapshotRequest)
    case snapshot(Snapshot)
    case halt(Halt)
    case halted(Halted)
    case logBatch(LogBatch)
    case logAcknowledgement(LogAcknowledgement)
    case modelRequest(ModelRequest)
    case modelManifest(ModelManifest)
    case modelPieceRequest(ModelPieceRequest)
    case modelPiece(ModelPiece)
    case modelQueue(ModelQueue)

    /// Reads a frame.
    /// - Throws: `WireError`: for a frame of a data link, for bytes that are no message of the frame's kind, for a
    ///   field out of its range.
    package init(decoding frame: Frame) throws(WireError) {
        switch frame.kind {
        case .hello: self = .hello(try Hello(frame: frame))
        case .welcome: self = .welcome(try Welcome(frame: frame))
        case .refusal: self = .refusal(try Refusal(frame: frame))
        case .roster: self = .roster(try Roster(frame: frame))
        case .linksReady: self = .linksReady(try LinksReady(frame: frame))
        case .heartbeat: self = .heartbeat(try Heartbeat(frame: frame))
        case .failure: self = .failure(try Failure(frame: frame))
        case .farewell: self = .farewell(try Farewell(frame: frame))
        case .phaseStart: self = .phaseStart(try PhaseStart(frame: frame))
        case .phaseReady: self = .phaseReady(try PhaseReady(frame: frame))
        case .shardAssignment: self = .shardAssignment(try ShardAssignment(frame: frame))
        case .stepReport: self = .stepReport(try StepReport(frame: frame))
        case .predictionReport: self = .predictionReport(try PredictionReport(frame: frame))
        case .textReport: self = .textReport(try TextReport(frame: frame))
        case .snapshotRequest: self = .snapshotRequest(try SnapshotRequest(frame: frame))
        case .snapshot: self = .snapshot(try Snapshot(frame: frame))
        case .halt: self = .halt(try Halt(frame: frame))
        case .halted: self = .halted(try Halted(frame: frame))
        case .logBatch: self = .logBatch(try LogBatch(frame: frame))
        case .logAcknowledgement: self = .logAcknowledgement(try LogAcknowledgement(frame: frame))
        case .modelRequest: self = .modelRequest(try ModelRequest(frame: frame))
        case .modelManifest: self = .modelManifest(try ModelManifest(frame: frame))
        case .modelPieceRequest: self = .modelPieceRequest(try ModelPieceRequest(frame: frame))
        case .modelPiece: self = .modelPiece(try ModelPiece(frame: frame))
        case .modelQueue: self = .modelQueue(try ModelQueue(frame: frame))
        case .linkHello, .chunk:
            throw WireError(.unexpectedKind, "a \(frame.kind) frame has no place on a control link")
        }
    }

    /// The message as a frame.
    package var frame: Frame {
        switch self {
        case .hello(let message): message.frame()
        case .welcome(let message): message.frame()
        case .refusal(let message): message.frame()
        case .roster(let message): message.frame()
        case .linksReady(let message): message.frame()
        case .heartbeat(let message): message.frame()
        case .failure(let message): message.frame()
        case .farewell(let message): message.frame()
        case .phaseStart(let message): message.frame()
        case .phaseReady(let message): message.frame()
        case .shardAssignment(let message): message.frame()
        case .stepReport(let message): message.frame()
        case .predictionReport(let message): message.frame()
        case .textReport(let message): message.frame()
        case .snapshotRequest(let message): message.frame()
        case .snapshot(let message): message.frame()
        case .halt(let message): message.frame()
        case .halted(let message): message.frame()
        case .logBatch(let message): message.frame()
        case .logAcknowledgement(let message): message.frame()
        case .modelRequest(let message): message.frame()
        case .modelManifest(let message): message.frame()
        case .modelPieceRequest(let message): message.frame()
        case .modelPiece(let message): message.frame()
        case .modelQueue(let message): message.frame()
        }
    }

    /// The whole frame's bytes.
    package func encode() -> [UInt8] {
        frame.encode()
    }
}
