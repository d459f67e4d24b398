//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Cluster
import Files
import Foundation
import RunRecords
import SecureTransport

/// Computes for a coordinator.
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Join a run and compute shards until the coordinator says farewell.")

    @Option(help: "Where the coordinator listens, host:port.")
    var coordinator: String

    @Option(help: "The folder with ca.pem and this worker's certificate and key (loradrop certs).")
    var certificates: String

    @Option(help: "The name in this worker's certificate.")
    var name: String

    @Option(
        help: """
            The base model's folder on this machine; where it is not there, or not the coordinator's model, that is fetched.
            """)
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Where fetched models are kept; by default loradrop in $XDG_CACHE_HOME or ~/.cache.", valueName: "folder"))
    var cache: String?

    @Flag(help: "The model's pooler is trained (model_options.train_pooler).")
    var trainPooler = false

    @Option(help: "Shards that are computed at a time, one thread each.")
    var slots = 1

    @Option(help: "The address at which other workers are taken.")
    var bind = "127.0.0.1"

    @Option(help: "The port at which other workers are taken; 0 takes any free one.")
    var port: UInt16 = 0

    @Option(
        help: "The address by which other workers reach this one; without it the one that leads to the coordinator.")
    var advertise: String?

    @Option(help: "Seconds that the coordinator may be out of reach at the start.")
    var joinTimeout = 120.0

    @Option(
        help: ArgumentHelp(
            "Make a wrong sum at a step of the fine-tuning, such as count-twice@20, to try whether it is noticed.",
            visibility: .hidden))
    var fault: String?

    @Option(
        help: ArgumentHelp(
            "The folder for log records that the coordinator does not have yet.",
            discussion: "A restart has to find the same one. Without it spool/NAME in the folder of the certificates."))
    var spool: String?

    @Option(
        help: ArgumentHelp(
            "How many times as long as it takes a shard is made to last, as on a slower machine.",
            visibility: .private))
    var slowness = 1.0

    @Option(
        help: "A file that is written at the coordinator's farewell, with its reason: the run is over for this worker.")
    var farewellFile: String?

    func validate() throws {
        guard (1...1000).contains(slowness) else {
            throw ValidationError("--slowness must be 1 to 1000, found \(slowness)")
        }
        guard (1...4096).contains(slots) else { throw ValidationError("--slots must be 1 to 4096, found \(slots)") }
        guard joinTimeout > 0, joinTimeout < 1e6 else {
            throw ValidationError("--join-timeout must be a positive number of seconds, found \(joinTimeout)")
        }
        if let fault, ComputeFault(fault) == nil {
            let kinds = ComputeFault.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--fault is one of \(kinds), then @ and a step; found \(fault)")
        }
    }

    func run() throws {
        let process = try WorkerProcess(
            WorkerProcess.Options(
                coordinator: Endpoint(parsing: coordinator), model: model, cache: cache, trainsPooler: trainPooler,
                slots: slots, bind: Endpoint(host: bind, port: port), advertise: advertise,
                joinTimeout: .seconds(joinTimeout), spool: spool ?? "\(certificates)/spool/\(name)",
                fault: fault.flatMap(ComputeFault.init), slowness: slowness),
            name: name, credentials: CertificateFolder(certificates).credentials(of: name),
            renewal: RotatingContext(CertificateFolder(certificates), name: name))
        let end = try process.run { line in
            FileHandle.standardError.write(Data("\(name): \(line)\n".utf8))
        }
        if let farewellFile { try AtomicFile.write(end.message + "\n", to: farewellFile) }
        guard end.exitCode == 0 else {
            FileHandle.standardError.write(Data("\(name): the run ended: \(end.message)\n".utf8))
            throw ExitCode(Int32(end.exitCode))
        }
    }
}
