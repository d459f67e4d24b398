//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Wire

/// SplitMix64: a seeded generator, so that every run of a test sees the same values.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Draws valid messages of every kind, with the ends of the ranges more often than chance would.
struct RandomMessages {
    var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    static let controlKinds = FrameKind.allCases.filter { $0 != .linkHello && $0 != .chunk }

    mutating func integer(_ range: ClosedRange<Int>) -> Int {
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: range.lowerBound
        case 1: range.upperBound
        default: Int.random(in: range, using: &generator)
        }
    }

    mutating func bytes(_ range: ClosedRange<Int>) -> [UInt8] {
        let count = Int.random(in: range, using: &generator)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    mutating func digest() -> [UInt8] {
        bytes(32...32)
    }

    /// Text with scalars of one to four bytes and with NUL, at most `range.upperBound` bytes of UTF-8.
    mutating func text(_ range: ClosedRange<Int>) -> String {
        let target = Int.random(in: range.lowerBound...min(range.upperBound, range.lowerBound + 200), using: &generator)
        let scalars: [Character] = ["a", "Z", " ", "\u{0}", "\n", "\u{85}", "ß", "中", "\u{1F600}", "\"", "\\"]
        var text = ""
        while text.utf8.count < target {
            let next = scalars.randomElement(using: &generator) ?? "x"
            text.append(text.utf8.count + next.utf8.count <= range.upperBound ? next : "x")
        }
        return text
    }

    mutating func name(_ range: ClosedRange<Int>) -> String {
        let count = Int.random(in: range, using: &generator)
        let letters = Array("abcXYZ019-_.")
        return String((0..<count).map { _ in letters.randomElement(using: &generator) ?? "x" })
    }

    mutating func endpoint() -> String {
        let host = Bool.random(using: &generator) ? name(1...60) : "[fe80::1]"
        return "\(host):\(integer(1...65535))"
    }

    mutating func counter() -> UInt64 {
        UInt64.random(in: 1...UInt64.max, using: &generator)
    }

    mutating func shards(count: Int, targets: Bool) throws -> [ShardAssignment.Shard] {
        var shards: [ShardAssignment.Shard] = []
        var id = integer(0...1000)
        for index in 0..<count where Bool.random(using: &generator) {
            var examples: [ShardAssignment.Example] = []
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                id += Int.random(in: 1...5, using: &generator)
                let length = Int.random(in: 1...40, using: &generator)
                let target: ShardAssignment.Target? =
                    switch Int.random(in: 0..<(targets ? 2 : 3), using: &generator) {
                    case 0: .classIndex(integer(0...65535))
                    case 1: .score(Float.random(in: -1e30...1e30, using: &generator))
                    default: nil
                    }
                examples.append(
                    try ShardAssignment.Example(
                        exampleID: id,
                        tokenIDs: (0..<length).map { _ in Int32(integer(0...Int(Int32.max))) },
                        tokenTypeIDs: Bool.random(using: &generator)
                            ? [] : (0..<length).map { _ in Int32(integer(0...255)) },
                        target: target))
            }
            shards.append(
                try ShardAssignment.Shard(
                    index: index, examples: examples,
                    role: ShardAssignment.Role.allCases.randomElement(using: &generator) ?? .count))
        }
        return shards
    }

    mutating func assignment() throws -> ShardAssignment {
        let kind = WorkKind.allCases.randomElement(using: &generator) ?? .train
        let shardCount = integer(1...9)
        let shards = try shards(count: shardCount, targets: kind.needsTargets)
        let examples = shards.reduce(shardCount) { $0 + $1.examples.count }
        let tokens = shards.reduce(examples) { $0 + $1.tokenCount }
        return try ShardAssignment(
            generation: integer(1...Int(UInt32.max)), workKind: kind, step: integer(0...Int(UInt32.max)),
            shardCount: shardCount, exampleCount: examples, tokenCount: tokens, shards: shards,
            endTokenIDs: kind == .generate ? (0..<integer(0...5)).map { _ in Int32(integer(0...Int(Int32.max))) } : [])
    }

    mutating func report() throws -> StepReport {
        let kind = [WorkKind.train, .importance, .gradientScore].randomElement(using: &generator) ?? .train
        let sums = kind == .train ? [] : (0..<integer(0...30)).map { _ in Int64(bitPattern: generator.next()) }
        let times = (0..<20).filter { _ in Bool.random(using: &generator) }
            .map { StepReport.ShardTime(shard: $0 * 3000, nanoseconds: integer(0...Int.max)) }
        return try StepReport(
            generation: integer(1...Int(UInt32.max)), workKind: kind, step: integer(0...Int(UInt32.max)),
            digest: digest(), lossSum: Int64(bitPattern: generator.next()), lossCount: integer(0...Int(UInt32.max)),
            gradientNorm: Double.random(in: 0...1e300, using: &generator), shardTimes: times,
            computeNanoseconds: integer(0...Int.max), exchangeNanoseconds: integer(0...Int.max), reducedSums: sums,
            audits: (0..<integer(0...4)).map { StepReport.Audit(shard: $0 * 700, digest: digest()) })
    }

    mutating func predictions() throws -> PredictionReport {
        let examples = Array(Set((0..<integer(1...20)).map { _ in integer(0...Int(UInt32.max)) }))
        let labels = integer(1...7)
        return try PredictionReport(
            generation: integer(1...Int(UInt32.max)), workID: integer(0...Int(UInt32.max)),
            shardIndex: integer(0...65535), exampleIDs: examples, labelCount: labels,
            logits: (0..<(examples.count * labels)).map { _ in
                Float.random(in: -1e38...1e38, using: &generator)
            })
    }

    mutating func texts() throws -> TextReport {
        let examples = Array(Set((0..<integer(1...20)).map { _ in integer(0...Int(UInt32.max)) }))
        return try TextReport(
            generation: integer(1...Int(UInt32.max)), workID: integer(0...Int(UInt32.max)),
            shardIndex: integer(0...65535), exampleIDs: examples,
            texts: examples.map { _ in (0..<integer(1...30)).map { _ in Int32(integer(0...Int(Int32.max))) } })
    }

    mutating func origin() -> LogBatch.Origin {
        LogBatch.Origin.allCases.randomElement(using: &generator) ?? .process
    }

    mutating func logs() throws -> LogBatch {
        var sequence = UInt64(integer(1...1000))
        var records: [LogBatch.Record] = []
        for _ in 0..<integer(1...12) {
            sequence += UInt64(integer(1...9))
            records.append(
                try LogBatch.Record(
                    sequence: sequence, level: LogBatch.Level.allCases.randomElement(using: &generator) ?? .info,
                    monotonicNanoseconds: integer(0...Int.max), wallNanoseconds: integer(0...Int.max),
                    event: name(1...128), message: text(0...8192), fieldsJSON: text(0...16384)))
        }
        return try LogBatch(
            records: records, incarnation: counter(), origin: origin(), sentMonotonicNanoseconds: integer(0...Int.max),
            sentWallNanoseconds: integer(0...Int.max))
    }

    mutating func phaseStart() throws -> PhaseStart {
        let total = integer(0...Int(UInt32.max))
        let state = bytes(0...200)
        return try PhaseStart(
            phase: Phase.allCases.randomElement(using: &generator) ?? .probe, totalSteps: total,
            startStep: integer(0...total),
            adapterOwners: (0..<integer(1...40)).map { _ in
                PhaseStart.AdapterOwner.allCases.randomElement(using: &generator) ?? .own
            },
            stateDigest: state.isEmpty ? [] : digest(), state: state)
    }

    mutating func hello() throws -> Hello {
        try Hello(
            protocolVersion: integer(1...65535), build: text(1...256), incarnation: counter(),
            slots: integer(1...4096), memoryByteCount: integer(1...(1 << 60)), dataEndpoint: endpoint(),
            numericProbe: digest(), numericProbeDescription: text(1...1024), modelFingerprint: digest(),
            hostName: text(1...256), processID: integer(1...Int(Int32.max)), wallClockNanoseconds: integer(0...Int.max))
    }

    mutating func failure() throws -> Failure {
        try Failure(
            code: Failure.Code.allCases.randomElement(using: &generator) ?? .internal, message: text(1...4096),
            phase: Bool.random(using: &generator) ? Phase.allCases.randomElement(using: &generator) : nil,
            step: integer(0...Int(UInt32.max)), shard: Bool.random(using: &generator) ? integer(0...65535) : nil,
            tensor: text(0...512), peer: name(0...128),
            unlinked: Set((0..<integer(0...40)).map { _ in integer(0...1023) }).sorted())
    }

    mutating func roster() throws -> Roster {
        try Roster(
            generation: integer(1...Int(UInt32.max)),
            members: (0..<Int.random(in: 1...20, using: &generator)).map { place in
                try Roster.Member(
                    workerRank: place, name: "w\(place)" + name(0...20), dataEndpoint: endpoint(),
                    slots: integer(1...4096))
            })
    }

    mutating func modelManifest() throws -> ModelManifest {
        let letters = Array("abXY09._-")
        return try ModelManifest(
            fingerprint: digest(),
            files: (0..<Int.random(in: 1...20, using: &generator)).map { place in
                let rest = (0..<integer(0...125)).map { _ in letters.randomElement(using: &generator) ?? "x" }
                return try ModelManifest.File(
                    name: "\(place)_" + String(rest), byteCount: integer(1...(1 << 44)), digest: digest())
            })
    }

    mutating func message(_ kind: FrameKind) throws -> ControlMessage {
        let id = 0...Int(UInt32.max)
        let generation = 1...Int(UInt32.max)
        switch kind {
        case .hello: return .hello(try hello())
        case .welcome:
            return .welcome(
                try Welcome(
                    runID: name(1...128), coordinatorIncarnation: counter(),
                    configuration: text(1...(256 << 10)), labelCount: integer(1...65536)))
        case .refusal:
            return .refusal(
                try Refusal(
                    code: Refusal.Code.allCases.randomElement(using: &generator) ?? .runOver, message: text(1...4096)))
        case .roster: return .roster(try roster())
        case .linksReady: return .linksReady(try LinksReady(generation: integer(generation)))
        case .heartbeat:
            return .heartbeat(
                try Heartbeat(
                    counter: counter(), monotonicNanoseconds: integer(0...Int.max), step: integer(id),
                    shardsDone: integer(0...65536), work: .train, isExchanging: Bool.random(using: &generator),
                    roundsDone: integer(0...Int(Int32.max))))
        case .failure: return .failure(try failure())
        case .farewell:
            return .farewell(
                try Farewell(
                    reason: Farewell.Reason.allCases.randomElement(using: &generator) ?? .stopped,
                    message: text(0...4096), exitCode: integer(0...255)))
        case .phaseStart: return .phaseStart(try phaseStart())
        case .phaseReady: return .phaseReady(try PhaseReady(step: integer(id), digest: digest()))
        case .shardAssignment: return .shardAssignment(try assignment())
        case .stepReport: return .stepReport(try report())
        case .predictionReport: return .predictionReport(try predictions())
        case .textReport: return .textReport(try texts())
        case .snapshotRequest: return .snapshotRequest(try SnapshotRequest(step: integer(id)))
        case .snapshot:
            return .snapshot(try Snapshot(step: integer(id), digest: digest(), state: bytes(1...300)))
        case .halt: return .halt(try Halt(generation: integer(generation)))
        case .halted:
            return .halted(try Halted(generation: integer(generation), step: integer(id), digest: digest()))
        case .logBatch: return .logBatch(try logs())
        case .logAcknowledgement:
            return .logAcknowledgement(
                try LogAcknowledgement(sequence: counter(), incarnation: counter(), origin: origin()))
        case .modelRequest:
            return .modelRequest(try ModelRequest(protocolVersion: integer(1...65535), build: text(1...256)))
        case .modelManifest: return .modelManifest(try modelManifest())
        case .modelPieceRequest:
            return .modelPieceRequest(
                try ModelPieceRequest(
                    file: integer(0...4095), offset: integer(0...(1 << 44)), byteCount: integer(1...(1 << 20))))
        case .modelPiece:
            return .modelPiece(
                try ModelPiece(file: integer(0...4095), offset: integer(0...(1 << 44)), bytes: bytes(1...300)))
        case .modelQueue: return .modelQueue(try ModelQueue(ahead: integer(0...65535)))
        case .linkHello, .chunk:
            throw WireError(.unexpectedKind, "\(kind) is no control message")
        }
    }
}
