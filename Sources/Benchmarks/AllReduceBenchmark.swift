//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Collectives
import Foundation
import JSONText
import SecureTransport

/// Measures all-reduce between processes of this machine, over the same TLS links as in a run.
///
/// As the peer's benchmark does it: before each all-reduce everybody waits for everybody; the time is worker 0's.
package struct AllReduceBenchmark {
    /// What is measured.
    package struct Settings: Hashable, Sendable {
        /// Numbers of workers.
        package var worldSizes: [Int]
        /// Lengths of the vector, in elements.
        package var sizes: [Int]
        /// Names of algorithms, or "auto".
        package var choices: [String]
        /// How often each is measured at most.
        package var limit: Int
        /// Values are below two to this number.
        package var valueBits: Int

        package init(worldSizes: [Int], sizes: [Int], choices: [String], limit: Int, valueBits: Int) {
            self.worldSizes = worldSizes
            self.sizes = sizes
            self.choices = choices
            self.limit = limit
            self.valueBits = valueBits
        }

        let warmUpCount = 3

        /// How often a length is measured: the peer's numbers, below `limit`.
        func count(elementCount: Int) -> Int {
            min(max(5, min(200, 20_000_000 / max(elementCount, 1))), limit)
        }
    }

    /// What may be asked for: "auto", and every algorithm by its name.
    package static let choices = ["auto"] + AllReducePlan.Algorithm.allCases.filter { $0 != .none }.map(\.rawValue)

    static let runName = "bench-allreduce"

    static func workerName(_ workerRank: Int) -> String { "worker-\(workerRank)" }

    private let settings: Settings
    private let executable: String

    /// - Parameter executable: This program; workers are started from it.
    package init(_ settings: Settings, executable: String) {
        self.settings = settings
        self.executable = executable
    }

    /// Measures everything.
    /// - Parameter report: Told of each measurement as it comes.
    /// - Throws: `BenchmarkError` with what the failing worker said.
    package func run(report: (AllReduceMeasurement) -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.path + "/loradrop-bench-\(UUID().uuidString)"
        let certificates = CertificateFolder(folder)
        try certificates.makeAuthority(run: Self.runName, validForHours: 24)
        defer {
            // What is left behind is a folder of throw-away certificates that only this user can read.
            try? FileManager.default.removeItem(atPath: folder)
        }
        for rank in 0..<(settings.worldSizes.max() ?? 0) {
            let identity = try PeerIdentity(role: .worker, name: Self.workerName(rank), run: Self.runName)
            try certificates.issue(to: identity, validForHours: 24)
        }
        for worldSize in settings.worldSizes {
            try measure(worldSize: worldSize, folder: folder, report: report)
        }
    }

    private func measure(worldSize: Int, folder: String, report: (AllReduceMeasurement) -> Void) throws {
        let workers = try (0..<worldSize).map { try BenchmarkProcess(executable, arguments($0, folder)) }
        defer { for worker in workers { worker.end() } }
        let endpoints = try workers.map { worker in
            guard let endpoint = worker.readLine() else { throw worker.failure() }
            return endpoint
        }
        for worker in workers {
            try worker.write(endpoints.joined(separator: " "))
        }
        try meet(workers)
        for _ in 0..<(settings.sizes.count * settings.choices.count) {
            guard let line = workers[0].readLine() else { throw workers[0].failure() }
            guard let value = try? JSONParser.parse(line), let measurement = AllReduceMeasurement(json: value) else {
                throw BenchmarkError("worker 0 wrote no measurement: \(line)")
            }
            report(measurement)
        }
        try meet(workers)
        for worker in workers {
            guard worker.finish() else { throw worker.failure() }
        }
    }

    /// Lets all workers go on when all are at the same place.
    private func meet(_ workers: [BenchmarkProcess]) throws {
        for worker in workers {
            guard worker.readLine() == "ready" else { throw worker.failure() }
        }
        for worker in workers {
            try worker.write("go on")
        }
    }

    private func arguments(_ workerRank: Int, _ folder: String) -> [String] {
        [
            "bench", "allreduce-worker", "--worker-rank", String(workerRank), "--certificates", folder,
            "--sizes", settings.sizes.map(String.init).joined(separator: ","),
            "--algorithms", settings.choices.joined(separator: ","), "--limit", String(settings.limit), "--value-bits",
            String(settings.valueBits),
        ]
    }
}
