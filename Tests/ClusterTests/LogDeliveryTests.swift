//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
import RunRecords
import SecureTransport
import Testing
import Wire

/// Workers' logs and the coordinator's files on real disks, with everything between them under a seed: links that break
/// at any point, workers and coordinators that are killed at any point, spools that others deliver.
@Suite("Log records under every fault")
struct LogDeliveryTests {
    private struct Written: Hashable {
        let worker: String
        let message: String
    }

    /// One worker: its present process and what is under way on its link.
    private struct Worker {
        let name: String
        let spool: String
        var incarnation: UInt64 = 1
        var log: WorkerLog?
        var toCoordinator: [LogBatch] = []
        var toWorker: [LogAcknowledgement] = []
    }

    /// A process that is killed in the middle of a write leaves a part of a line.
    private static func tear(_ path: String, _ generator: inout Seeded) throws {
        guard FileManager.default.fileExists(atPath: path), Bool.random(using: &generator) else { return }
        let line = Array(#"{"time":"2026-01-02T03:04:05.000000006Z","level":"info","worker":"w0","#.utf8)
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        try file.seekToEnd()
        try file.write(contentsOf: line.prefix(Int.random(in: 1...line.count, using: &generator)))
        try file.close()
    }

    private static func records(_ path: String) throws -> [LogRecord] {
        var lines = LogLines(path)
        let records = lines.take(try Data(contentsOf: URL(filePath: path)))
        #expect(lines.damagedCount == 0)
        return records
    }

    @Test(
        "every record that was written to a spool is in the files once, those of a worker in its order",
        arguments: 0..<60)
    func exactlyOnce(seed: UInt64) throws {
        var generator = Seeded(seed)
        let folder = RunFolder(FileManager.default.temporaryDirectory.path + "/loradrop-delivery-\(UUID().uuidString)")
        defer { _ = try? FileManager.default.removeItem(atPath: folder.path) }
        var coordinatorIncarnation: UInt64 = 1
        var files: LogFiles? = try LogFiles(folder, incarnation: coordinatorIncarnation, minimum: .info)
        var workers = (0..<3).map { Worker(name: "w\($0)", spool: folder.spool(ofWorker: "w\($0)")) }
        var written: [String: [String]] = [:]
        var count = 0

        func begin(_ place: Int) throws {
            workers[place].incarnation += 1
            workers[place].log = WorkerLog(
                try LogSpool(
                    workers[place].spool,
                    stream: LogStream(
                        worker: workers[place].name, origin: .process, incarnation: workers[place].incarnation),
                    limits: LogSpool.Limits(byteCount: 1 << 20, segmentByteCount: 700)))
        }
        func cut(_ place: Int) {
            workers[place].toCoordinator = []
            workers[place].toWorker = []
        }
        func turn(_ place: Int) throws {
            if let log = workers[place].log {
                for case .logBatch(let batch) in log.takeBatches() {
                    // Through the bytes of the wire.
                    let decoded = try ControlMessage(decoding: ControlMessage.logBatch(batch).frame)
                    if case .logBatch(let batch) = decoded { workers[place].toCoordinator.append(batch) }
                }
            }
            while !workers[place].toCoordinator.isEmpty, Int.random(in: 0..<4, using: &generator) > 0 {
                let batch = workers[place].toCoordinator.removeFirst()
                if let written = files?.take(batch, from: workers[place].name).acknowledgement {
                    workers[place].toWorker.append(written)
                }
            }
            while !workers[place].toWorker.isEmpty, Int.random(in: 0..<4, using: &generator) > 0 {
                let acknowledgement = workers[place].toWorker.removeFirst()
                try workers[place].log?.acknowledged(acknowledgement)
            }
        }

        for place in workers.indices { try begin(place) }
        for _ in 0..<250 {
            let place = Int.random(in: workers.indices, using: &generator)
            switch Int.random(in: 0..<20, using: &generator) {
            case 0..<8:
                for _ in 0..<Int.random(in: 1...6, using: &generator) {
                    count += 1
                    workers[place].log?.write(.info, "event", "message \(count)", fields: ["count": .integer(count)])
                    written[workers[place].name, default: []].append("message \(count)")
                }
            case 8..<15:
                try turn(place)
            case 15, 16:
                // The link breaks and is made again by the same process.
                cut(place)
                files?.linkEstablished(workers[place].name, incarnation: workers[place].incarnation)
                workers[place].log?.linkEstablished()
            case 17:
                // The process is killed; what it had sent may still arrive.
                if Bool.random(using: &generator) { cut(place) }
                workers[place].toWorker = []
                workers[place].log = nil
                let spools = try FileManager.default.contentsOfDirectory(atPath: workers[place].spool)
                if let last = spools.filter({ $0.hasSuffix(".jsonl") }).randomElement(using: &generator) {
                    try Self.tear(workers[place].spool + "/" + last, &generator)
                }
                try begin(place)
            case 18:
                // The coordinator is killed, and with it all links.
                files = nil
                for place in workers.indices { cut(place) }
                try Self.tear(folder.mergedLog, &generator)
                try Self.tear(folder.log(ofWorker: workers[place].name), &generator)
                coordinatorIncarnation += 1
                files = try LogFiles(folder, incarnation: coordinatorIncarnation, minimum: .info)
                for place in workers.indices { workers[place].log?.linkEstablished() }
            default:
                // An acknowledgement is lost on its way: it costs time alone.
                if !workers[place].toWorker.isEmpty { workers[place].toWorker.removeFirst() }
                workers[place].log?.linkEstablished()
            }
        }
        // Faults stop, and everything gets there.
        for place in workers.indices {
            cut(place)
            workers[place].log?.linkEstablished()
            // What a dead process left may be nothing at all, which takes a look to see.
            try turn(place)
            var turns = 1
            while workers[place].log?.isDelivered == false, turns < 1000 {
                try turn(place)
                turns += 1
            }
            #expect(workers[place].log?.isDelivered == true)
        }

        let merged = try Self.records(folder.mergedLog)
        let identities = merged.map { "\($0.stream) \($0.sequence)" }
        #expect(Set(identities).count == identities.count)
        var audit = LogAudit()
        for record in merged { audit.take(record) }
        #expect(audit.problems == [])
        for worker in workers {
            let own = merged.filter { $0.worker == worker.name }
            #expect(own.filter { $0.event == "event" }.map(\.message) == written[worker.name] ?? [])
            let path = folder.log(ofWorker: worker.name)
            let ownFile = FileManager.default.fileExists(atPath: path) ? try Self.records(path) : []
            #expect(ownFile == own)
            #expect(LogOrder.sorted(merged).filter { $0.worker == worker.name } == own)
            // Nothing is kept longer than it is needed.
            let left = try FileManager.default.contentsOfDirectory(atPath: worker.spool)
            #expect(left == ["process-\(worker.incarnation).lock"])
        }
    }

    @Test("a coordinator that takes nothing gets everything again, each time later, and nothing twice")
    func silentCoordinator() throws {
        let folder = RunFolder(FileManager.default.temporaryDirectory.path + "/loradrop-silent-\(UUID().uuidString)")
        defer { _ = try? FileManager.default.removeItem(atPath: folder.path) }
        let stream = LogStream(worker: "w0", origin: .process, incarnation: 9)
        let log = WorkerLog(try LogSpool(folder.spool(ofWorker: "w0"), stream: stream))
        log.linkEstablished()
        for number in 1...3000 { log.write(.info, "e", "\(number)") }
        log.write(.debug, "e", "too little")
        let begun = MonotonicClock.now().nanoseconds
        func sent(afterSeconds seconds: Int64) -> [UInt64] {
            var sequences: [UInt64] = []
            let now = MonotonicInstant(nanoseconds: begun + seconds * 1_000_000_000)
            for case .logBatch(let batch) in log.takeBatches(at: now) { sequences += batch.records.map(\.sequence) }
            return sequences
        }
        // A window's worth and no more.
        let window = sent(afterSeconds: 0)
        #expect(window == Array(1...UInt64(window.count)) && window.count < 3000 && window.count >= 1000)
        #expect(sent(afterSeconds: 4) == [])
        #expect(sent(afterSeconds: 6) == window)
        #expect(sent(afterSeconds: 12) == [])
        #expect(sent(afterSeconds: 17) == window)
        let files = try LogFiles(folder, incarnation: 1, minimum: .info)
        var delivered = 0
        while !log.isDelivered, delivered < 10_000 {
            log.linkEstablished()
            for case .logBatch(let batch) in log.takeBatches() {
                delivered += files.take(batch, from: "w0").fresh.count
                // Every second acknowledgement is lost.
                if batch.records[0].sequence % 256 == 1 {
                    try log.acknowledged(LogAcknowledgement(sequence: batch.records[0].sequence, incarnation: 9))
                } else if let last = batch.records.last {
                    try log.acknowledged(LogAcknowledgement(sequence: last.sequence, incarnation: 9))
                }
            }
        }
        #expect(delivered == 3000)
        #expect(try Self.records(folder.mergedLog).map(\.sequence) == Array(1...3000))
    }

    @Test("what a dead process left is taken from its spool by whoever watched over it")
    func deadProcess() throws {
        let folder = RunFolder(FileManager.default.temporaryDirectory.path + "/loradrop-dead-\(UUID().uuidString)")
        defer { _ = try? FileManager.default.removeItem(atPath: folder.path) }
        let path = folder.spool(ofWorker: "w0")
        let files = try LogFiles(folder, incarnation: 1, minimum: .info)
        do {
            let log = WorkerLog(
                try LogSpool(path, stream: LogStream(worker: "w0", origin: .process, incarnation: 4)))
            for number in 1...5 { log.write(.info, "e", "\(number)") }
            // Two were on their way when it died.
            for case .logBatch(let batch) in log.takeBatches() {
                let first = try LogBatch(
                    records: Array(batch.records.prefix(2)), incarnation: batch.incarnation,
                    sentMonotonicNanoseconds: batch.sentMonotonicNanoseconds,
                    sentWallNanoseconds: batch.sentWallNanoseconds)
                _ = files.take(first, from: "w0")
            }
        }
        let reader = try LogSpool(path, stream: LogStream(worker: "w0", origin: .supervisor, incarnation: 5))
        while let (stream, records) = try reader.next(limit: 2), let last = records.last {
            #expect(files.take(records))
            try reader.acknowledge(stream, last.sequence)
        }
        #expect(try Self.records(folder.mergedLog).map(\.message) == ["1", "2", "3", "4", "5"])
    }

    @Test("the stderr of a process and its signal arrive as records, whatever it did before it died")
    func stderr() throws {
        let kept = KeptRecords()
        let capture = StderrCapture(worker: "w0", incarnation: 3) { kept.add($0) }
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "echo one >&2; printf 'two\\nno line break' >&2; kill -SEGV $$"]
        process.standardError = capture.input
        try process.run()
        try capture.handedOver()
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal)
        let last = capture.ended(
            .signal(Int(process.terminationStatus)), processID: Int(process.processIdentifier), wasAsked: false)
        #expect(last == ["one", "two", "no line break"])
        #expect(
            kept.records.map(\.message) == [
                "one", "two", "no line break", "the process has ended: killed by signal 11 (SIGSEGV)",
            ])
    }
}

/// Keeps records that come on other threads.
private final class KeptRecords: @unchecked Sendable {
    private let lock = NSLock()
    private var kept: [LogRecord] = []

    func add(_ records: [LogRecord]) { lock.withLock { kept += records } }
    var records: [LogRecord] { lock.withLock { kept } }
}

/// A generator that a test can repeat.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    // SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
