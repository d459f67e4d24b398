//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Collectives
import Foundation
import JSONText
import SecureTransport
import Wire

/// One worker process of `bench allreduce`.
///
/// It tells its endpoint in a line on standard output, reads everybody's endpoints from a line on standard input, links
/// up over TLS as the workers of a run do, and measures. Worker 0 writes one JSON line a measurement.
package struct AllReduceWorker {
    let workerRank: Int
    let certificates: CertificateFolder
    let settings: AllReduceBenchmark.Settings

    /// - Parameter certificates: A folder with the authority and `worker-0`, `worker-1`, …
    package init(workerRank: Int, certificates: String, settings: AllReduceBenchmark.Settings) {
        self.workerRank = workerRank
        self.certificates = CertificateFolder(certificates)
        self.settings = settings
    }

    /// - Throws: Whatever goes wrong; `BenchmarkError` for a wrong sum.
    package func run() throws {
        let name = AllReduceBenchmark.workerName(workerRank)
        let context = try TLSContext(certificates.credentials(of: name))
        let listener = try Listener(on: Endpoint(host: "127.0.0.1", port: 0))
        try say(listener.localEndpoint.description)
        guard let line = readLine() else {
            throw BenchmarkError("worker \(workerRank) got no roster from the process that started it")
        }
        let members = try line.split(separator: " ").enumerated().map { rank, endpoint in
            try Roster.Member(
                workerRank: rank, name: AllReduceBenchmark.workerName(rank), dataEndpoint: String(endpoint), slots: 1)
        }
        let links = try DataLinkFormation(
            ownName: name, runID: AllReduceBenchmark.runName, coordinatorIncarnation: 1, listener: listener,
            context: context, timeLimit: .seconds(60)
        ).form(Roster(generation: 1, members: members), cancellation: WakeSignal())
        // Nobody sends sums before everybody's links stand, and nobody closes a link that another one still watches.
        try awaitOthers()
        let reducer = AllReducer(links: links)
        try reducer.measureCosts(deadline: .now + .seconds(60))
        for elementCount in settings.sizes {
            for choice in settings.choices {
                try measure(reducer, worldSize: members.count, elementCount: elementCount, choice: choice)
            }
        }
        try awaitOthers()
    }

    /// Tells the process that started this one, which answers when it has heard so from all workers.
    private func awaitOthers() throws {
        try say("ready")
        guard readLine() != nil else {
            throw BenchmarkError("worker \(workerRank) lost the process that started it")
        }
    }

    private func measure(_ reducer: AllReducer, worldSize: Int, elementCount: Int, choice: String) throws {
        let plan =
            AllReducePlan.Algorithm(rawValue: choice).map {
                AllReducePlan(algorithm: $0, worldSize: worldSize, elementCount: elementCount)
            } ?? reducer.plan(elementCount: elementCount)
        let own = KnownVectors(
            seed: UInt64(elementCount), worldSize: worldSize, valueBits: settings.valueBits)
        let input = own.vector(of: workerRank, count: elementCount)
        var times: [Double] = []
        var vector = input
        for round in -settings.warmUpCount..<settings.count(elementCount: elementCount) {
            try barrier(reducer, worldSize: worldSize)
            let start = MonotonicClock.now()
            try reducer.sum(input, into: &vector, plan: plan, deadline: .now + .seconds(60))
            let end = MonotonicClock.now()
            if round < 0 {
                guard own.isSum(vector) else {
                    throw BenchmarkError("worker \(workerRank) got a wrong sum: \(plan)")
                }
            } else {
                times.append(Double(end.nanoseconds - start.nanoseconds) * 1e-9)
            }
        }
        if workerRank == 0 {
            let measurement = AllReduceMeasurement(
                worldSize: worldSize, elementCount: elementCount, choice: choice, algorithm: plan.algorithm.rawValue,
                times: times)
            try say(measurement.json.text)
        }
    }

    private func barrier(_ reducer: AllReducer, worldSize: Int) throws {
        var one: [Int64] = [1]
        try reducer.allReduce(&one, deadline: .now + .seconds(60))
        guard one == [Int64(worldSize)] else {
            throw BenchmarkError("worker \(workerRank) counted \(one[0]) workers of \(worldSize)")
        }
    }

    private func say(_ line: String) throws {
        try FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
    }
}
