//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Which frames a link accepts in one direction and how long each may be: checked before anything is allocated.
package struct FrameLimits: Hashable, Sendable {
    /// The most that one frame may carry.
    package struct Limit: Hashable, Sendable {
        /// The header, in bytes.
        package var headerByteCount: Int
        /// The raw part after it, in bytes.
        package var rawByteCount: Int
    }

    /// Which link and direction, for messages: "from a worker".
    package let name: String
    private var limits: [FrameKind: Limit]

    init(name: String, kinds: [FrameKind]) {
        self.name = name
        limits = [:]
        for kind in kinds {
            limits[kind] = kind.limit
        }
    }

    /// The limit of a kind; none if the kind has no place here.
    package subscript(kind: FrameKind) -> Limit? {
        limits[kind]
    }

    /// Lowers a kind's limit of raw bytes to what this run can need.
    /// - Precondition: The kind has a place here.
    package mutating func lowerRawLimit(of kind: FrameKind, to byteCount: Int) {
        guard let limit = limits[kind] else {
            preconditionFailure("\(kind) has no place on a link \(name)")
        }
        limits[kind]?.rawByteCount = min(limit.rawByteCount, byteCount)
    }

    /// What the coordinator accepts of a connection before it knows what the connection is for.
    package static let joining = FrameLimits(
        name: "whose hello was not yet accepted", kinds: [.hello, .modelRequest])

    /// What the coordinator accepts of a worker that has joined.
    package static let fromWorker = FrameLimits(
        name: "from a worker",
        kinds: [
            .linksReady, .phaseReady, .stepReport, .predictionReport, .textReport, .snapshot, .halted, .logBatch,
            .heartbeat, .failure, .farewell,
        ])

    /// What a worker accepts of the coordinator.
    package static let fromCoordinator = FrameLimits(
        name: "from the coordinator",
        kinds: [
            .welcome, .refusal, .roster, .phaseStart, .shardAssignment, .snapshotRequest, .halt, .logAcknowledgement,
            .heartbeat, .farewell,
        ])

    /// What the coordinator accepts of a worker on a model link, after its first message.
    package static let fromModelReader = FrameLimits(name: "from a reader of the model", kinds: [.modelPieceRequest])

    /// What a worker accepts of the coordinator on a model link.
    package static let fromModelServer = FrameLimits(
        name: "from the model's server", kinds: [.modelManifest, .modelPiece, .modelQueue, .refusal])

    /// What a worker accepts of another worker.
    package static let dataLink = FrameLimits(name: "between workers", kinds: [.linkHello, .chunk])
}

extension FrameKind {
    /// The most that a frame of this kind ever carries.
    ///
    /// What the messages' own checks let through fits.
    package var limit: FrameLimits.Limit {
        let kib = 1 << 10
        let mib = 1 << 20
        return switch self {
        case .hello, .refusal, .failure, .farewell, .modelRequest:
            FrameLimits.Limit(headerByteCount: 16 * kib, rawByteCount: 0)
        case .welcome: FrameLimits.Limit(headerByteCount: 272 * kib, rawByteCount: 0)
        case .roster: FrameLimits.Limit(headerByteCount: 512 * kib, rawByteCount: 0)
        case .linksReady, .heartbeat, .phaseReady, .snapshotRequest, .halt, .halted, .logAcknowledgement, .linkHello,
            .modelPieceRequest, .modelQueue:
            FrameLimits.Limit(headerByteCount: kib, rawByteCount: 0)
        case .phaseStart: FrameLimits.Limit(headerByteCount: 256 * kib, rawByteCount: 1024 * mib)
        case .shardAssignment: FrameLimits.Limit(headerByteCount: 16 * mib, rawByteCount: 0)
        case .stepReport: FrameLimits.Limit(headerByteCount: 2 * mib, rawByteCount: 0)
        case .predictionReport: FrameLimits.Limit(headerByteCount: 512 * kib, rawByteCount: 64 * mib)
        case .textReport: FrameLimits.Limit(headerByteCount: mib, rawByteCount: 64 * mib)
        case .snapshot: FrameLimits.Limit(headerByteCount: kib, rawByteCount: 1024 * mib)
        case .logBatch: FrameLimits.Limit(headerByteCount: mib, rawByteCount: 0)
        case .modelManifest: FrameLimits.Limit(headerByteCount: mib, rawByteCount: 0)
        case .modelPiece: FrameLimits.Limit(headerByteCount: kib, rawByteCount: mib)
        case .chunk:
            FrameLimits.Limit(
                headerByteCount: ChunkHeader.byteCount,
                rawByteCount: PackedIntegers.byteCounts(elementCount: ChunkHeader.maximumElements).upperBound)
        }
    }
}
