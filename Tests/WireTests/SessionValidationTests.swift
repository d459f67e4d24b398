//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import Wire

private let digest = [UInt8](repeating: 7, count: 32)
private let tooLarge = 1 << 32

@Suite("Fields out of their range are refused: joining and leaving")
struct SessionValidationTests {
    func hello(
        version: Int = 1, build: String = "b", incarnation: UInt64 = 1, slots: Int = 1, memory: Int = 1,
        endpoint: String = "a:1", probe: [UInt8] = digest, description: String = "d", model: [UInt8] = digest,
        host: String = "h", process: Int = 1, clock: Int = 0
    ) throws -> Hello {
        try Hello(
            protocolVersion: version, build: build, incarnation: incarnation, slots: slots, memoryByteCount: memory,
            dataEndpoint: endpoint, numericProbe: probe, numericProbeDescription: description,
            modelFingerprint: model, hostName: host, processID: process, wallClockNanoseconds: clock)
    }

    @Test("hello")
    func helloFields() throws {
        _ = try hello()
        let long = String(repeating: "x", count: 1025)
        expectRefused("protocol_version") { try hello(version: 0) }
        expectRefused("protocol_version") { try hello(version: 65536) }
        expectRefused("build") { try hello(build: "") }
        expectRefused("build") { try hello(build: String(long.prefix(257))) }
        expectRefused("incarnation") { try hello(incarnation: 0) }
        expectRefused("slots") { try hello(slots: 0) }
        expectRefused("slots") { try hello(slots: 4097) }
        expectRefused("memory_bytes") { try hello(memory: 0) }
        expectRefused("memory_bytes") { try hello(memory: (1 << 60) + 1) }
        expectRefused("numeric_probe") { try hello(probe: Array(digest.dropLast())) }
        expectRefused("numeric_probe_description") { try hello(description: long) }
        expectRefused("model_fingerprint") { try hello(model: digest + [0]) }
        expectRefused("host_name") { try hello(host: "") }
        expectRefused("process_id") { try hello(process: 0) }
        expectRefused("process_id") { try hello(process: 1 << 31) }
        expectRefused("wall_clock_ns") { try hello(clock: -1) }
    }

    @Test(
        "endpoints that name no host and port",
        arguments: [
            "", "a", "a:", ":1", "a:0", "a:65536", "a:-1", "a:+1", "a:1x", "a b:1", "::1:80", "[]:1", "[::1:80",
            "a:1\n",
            "a:1\u{0}",
        ])
    func endpoints(endpoint: String) {
        expectRefused("data_endpoint") { try hello(endpoint: endpoint) }
    }

    @Test("welcome and refusal")
    func welcome() throws {
        func welcome(
            run: String = "r", incarnation: UInt64 = 1, configuration: String = "c", labels: Int = 1
        ) throws -> Welcome {
            try Welcome(
                runID: run, coordinatorIncarnation: incarnation, configuration: configuration,
                labelCount: labels)
        }
        _ = try welcome()
        expectRefused("run_id") { try welcome(run: "") }
        expectRefused("run_id") { try welcome(run: "a b") }
        expectRefused("run_id") { try welcome(run: "a\u{7F}") }
        expectRefused("coordinator_incarnation") { try welcome(incarnation: 0) }
        expectRefused("configuration") { try welcome(configuration: "") }
        expectRefused("configuration") { try welcome(configuration: String(repeating: "x", count: (256 << 10) + 1)) }
        expectRefused("label_count") { try welcome(labels: 0) }
        expectRefused("message") { try Refusal(code: .runOver, message: "") }
        expectRefused("message") { try Refusal(code: .runOver, message: String(repeating: "x", count: 4097)) }
    }

    @Test("roster and links")
    func roster() throws {
        func member(_ worker: Int, _ name: String = "n", slots: Int = 1) throws -> Roster.Member {
            try Roster.Member(workerRank: worker, name: name, dataEndpoint: "a:1", slots: slots)
        }
        _ = try Roster(generation: 1, members: [member(0, "a"), member(1, "b")])
        expectRefused("worker_rank") { try member(1024) }
        expectRefused("name") { try member(0, "") }
        expectRefused("name") { try member(0, "\u{1B}[31m") }
        expectRefused("slots") { try member(0, slots: 0) }
        expectRefused("generation") { try Roster(generation: 0, members: [member(0)]) }
        expectRefused("members") { try Roster(generation: 1, members: []) }
        expectRefused("members") { try Roster(generation: 1, members: [member(1)]) }
        expectRefused("members") { try Roster(generation: 1, members: [member(0, "a"), member(0, "b")]) }
        expectRefused("members") { try Roster(generation: 1, members: [member(0, "a"), member(1, "a")]) }
        expectRefused("generation") { try LinksReady(generation: 0) }
        expectRefused("run_id") {
            try LinkHello(runID: "", coordinatorIncarnation: 1, generation: 1, fromWorker: 0, toWorker: 1)
        }
        expectRefused("generation") {
            try LinkHello(runID: "r", coordinatorIncarnation: 1, generation: 0, fromWorker: 0, toWorker: 1)
        }
        expectRefused("coordinator_incarnation") {
            try LinkHello(runID: "r", coordinatorIncarnation: 0, generation: 1, fromWorker: 0, toWorker: 1)
        }
        expectRefused("from_worker") {
            try LinkHello(runID: "r", coordinatorIncarnation: 1, generation: 1, fromWorker: 1024, toWorker: 1)
        }
        expectRefused("to_worker") {
            try LinkHello(runID: "r", coordinatorIncarnation: 1, generation: 1, fromWorker: 0, toWorker: 1024)
        }
        expectRefused("to_worker") {
            try LinkHello(runID: "r", coordinatorIncarnation: 1, generation: 1, fromWorker: 3, toWorker: 3)
        }
    }

    @Test("heartbeat, failure, farewell, logs")
    func others() throws {
        expectRefused("counter") { try Heartbeat(counter: 0, monotonicNanoseconds: 0, step: 0, shardsDone: 0) }
        expectRefused("monotonic_ns") { try Heartbeat(counter: 1, monotonicNanoseconds: -1, step: 0, shardsDone: 0) }
        expectRefused("step") { try Heartbeat(counter: 1, monotonicNanoseconds: 0, step: tooLarge, shardsDone: 0) }
        expectRefused("exchanging") {
            try Heartbeat(counter: 1, monotonicNanoseconds: 0, step: 0, shardsDone: 0, isExchanging: true)
        }
        expectRefused("rounds_done") {
            try Heartbeat(counter: 1, monotonicNanoseconds: 0, step: 0, shardsDone: 0, roundsDone: -1)
        }
        expectRefused("shards_done") { try Heartbeat(counter: 1, monotonicNanoseconds: 0, step: 0, shardsDone: -1) }
        expectRefused("message") { try Failure(code: .internal, message: "") }
        expectRefused("step") { try Failure(code: .internal, message: "m", step: -1) }
        expectRefused("shard") { try Failure(code: .internal, message: "m", shard: 65536) }
        expectRefused("tensor") {
            try Failure(code: .internal, message: "m", tensor: String(repeating: "x", count: 513))
        }
        expectRefused("peer") { try Failure(code: .internal, message: "m", peer: "a b") }
        for places in [[-1], [1024], [2, 1], [3, 3]] {
            expectRefused("unlinked") { try Failure(code: .deadline, message: "m", unlinked: places) }
        }
        expectRefused("message") { try Farewell(reason: .failed, message: String(repeating: "x", count: 4097)) }
        expectRefused("exit_code") { try Farewell(reason: .failed, exitCode: 256) }
        expectRefused("sequence") { try LogAcknowledgement(sequence: 0, incarnation: 1) }
        expectRefused("incarnation") { try LogAcknowledgement(sequence: 1, incarnation: 0) }
    }

    @Test("log records and batches")
    func logs() throws {
        func record(
            _ sequence: UInt64, event: String = "e", message: String = "", fields: String = "", clock: Int = 0
        ) throws -> LogBatch.Record {
            try LogBatch.Record(
                sequence: sequence, level: .info, monotonicNanoseconds: clock, wallNanoseconds: clock, event: event,
                message: message, fieldsJSON: fields)
        }
        let large = String(repeating: "x", count: 16384)
        expectRefused("sequence") { try record(0) }
        expectRefused("event") { try record(1, event: "") }
        expectRefused("event") { try record(1, event: "a b") }
        expectRefused("message") { try record(1, message: String(repeating: "x", count: 8193)) }
        expectRefused("fields_json") { try record(1, fields: large + "x") }
        expectRefused("monotonic_ns") { try record(1, clock: -1) }
        func batch(_ records: [LogBatch.Record], incarnation: UInt64 = 1, clock: Int = 0) throws -> LogBatch {
            try LogBatch(
                records: records, incarnation: incarnation, sentMonotonicNanoseconds: clock, sentWallNanoseconds: clock)
        }
        expectRefused("records") { try batch([]) }
        expectRefused("records") { try batch([record(2), record(2)]) }
        expectRefused("records") { try batch((1...257).map { try record($0) }) }
        expectRefused("records") { try batch((1...100).map { try record($0, fields: large) }) }
        expectRefused("incarnation") { try batch([record(1)], incarnation: 0) }
        expectRefused("sent_monotonic_ns") { try batch([record(1)], clock: -1) }
    }
}
