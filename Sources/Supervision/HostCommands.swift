//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport

/// What `loradrop supervise` does on a host: each is one short command over ssh.
package enum HostCommands {
    /// What `prepare` answers.
    package struct Preparation: Sendable, Hashable, Codable {
        /// The folder, from the root.
        package var folder: String
        /// A certificate request for each name, in PEM.
        package var requests: [String: String]
    }

    /// What `status` answers.
    package struct Status: Sendable, Hashable, Codable {
        /// One process.
        package struct Process: Sendable, Hashable, Codable {
            package var name: String
            package var processID: Int32
            package var isAlive: Bool
        }

        package var supervisorIsAlive: Bool
        package var isEnding: Bool
        package var processes: [Process]
    }

    /// Makes the folder of a launch and a key for each process that needs a certificate.
    /// - Throws: `.badSetup` where the folder is there already; `TransportError`.
    package static func prepare(_ folder: StateFolder, names: [String]) throws -> Preparation {
        guard !folder.exists else {
            throw SupervisionError(.badSetup, "\(folder.path) exists: every launch has a folder of its own")
        }
        try folder.create()
        let certificates = CertificateFolder(folder.certificates)
        var preparation = Preparation(folder: folder.path, requests: [:])
        for name in names { preparation.requests[name] = try certificates.makeRequest(for: name) }
        return preparation
    }

    /// Starts the supervisor, in a session of its own.
    /// - Parameter executable: The program whose `supervise run` it is.
    /// - Returns: The supervisor.
    /// - Throws: `.interrupted` where the launch is to end; `.badSetup` where a supervisor runs.
    package static func start(
        _ folder: StateFolder, specification: Specification, executable: String
    ) throws -> ProcessRecord {
        guard folder.exists else { throw SupervisionError(.noSuchRun, "\(folder.path): there is no such launch") }
        return try folder.locked {
            guard folder.ending == nil else { throw SupervisionError(.interrupted, "the launch is to end") }
            guard folder.supervisor?.isAlive != true else {
                throw SupervisionError(.badSetup, "\(folder.path) has a supervisor already")
            }
            let certificates = CertificateFolder(folder.certificates)
            for credential in specification.credentials {
                try certificates.accept(
                    certificate: credential.certificate, authority: credential.authority, for: credential.name)
            }
            try folder.write(specification)
            let input = open("/dev/null", O_RDONLY | O_CLOEXEC)
            let output = open(folder.supervisorLog, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            defer {
                for number in [input, output] where number >= 0 { _ = close(number) }
            }
            guard input >= 0, output >= 0 else {
                throw SupervisionError(.file, "cannot open \(folder.supervisorLog): errno \(errno)")
            }
            let child = try ChildProcess(
                executable, ["supervise", "run", folder.path], descriptors: (input, output, output))
            // It waits for our lock before it starts anything.
            guard let record = ProcessRecord(processID: child.processID) else {
                throw SupervisionError(.cannotStart, "the supervisor ended at once; see \(folder.supervisorLog)")
            }
            do {
                try folder.setSupervisor(record)
            } catch {
                // What is not on record may not run.
                child.send(SIGKILL)
                throw error
            }
            return record
        }
    }

    /// Ends what a launch started here, and nothing else: by id and start.
    ///
    /// May be called at any time, also again, and also where nothing was started yet: then nothing will be.
    /// - Parameter grace: Seconds that the processes have to end by themselves.
    /// - Returns: How many processes were still there.
    /// - Throws: `.timedOut` where a process does not even end when it is killed; `.file`.
    @discardableResult
    package static func end(_ folder: StateFolder, grace: Double) throws -> Int {
        guard folder.exists else { return 0 }
        let before = try folder.locked {
            if folder.ending.map({ $0 > grace }) ?? true { try folder.declareEnding(grace: grace) }
            return everything(folder)
        }
        if folder.supervisor?.isAlive == true {
            // It looks at the folder twenty times a second, and kills what is left after the grace.
            let deadline = Deadline.after(.seconds(grace + 10))
            while folder.supervisor?.isAlive == true, !deadline.hasPassed { ProcessTable.pause(milliseconds: 20) }
        }
        // Under the lock it is not in the middle of starting a process that is not on record yet.
        try folder.locked {
            for record in everything(folder) { record.send(SIGKILL) }
        }
        let deadline = Deadline.after(.seconds(10))
        while let left = everything(folder).first {
            guard !deadline.hasPassed else {
                throw SupervisionError(.timedOut, "process \(left.processID) does not end, though it was killed")
            }
            ProcessTable.pause(milliseconds: 20)
        }
        // The keys have served; whoever finds the folder later finds none. A folder without keys is as well.
        try? FileManager.default.removeItem(atPath: folder.certificates)
        return before.count
    }

    /// What runs here.
    package static func status(_ folder: StateFolder) throws -> Status {
        guard folder.exists else { throw SupervisionError(.noSuchRun, "\(folder.path): there is no such launch") }
        return Status(
            supervisorIsAlive: folder.supervisor?.isAlive == true, isEnding: folder.ending != nil,
            processes: folder.processes().map {
                Status.Process(name: $0.name, processID: $0.record.processID, isAlive: $0.record.isAlive)
            })
    }

    /// Gives the events from the given one on, as they come, until the supervisor has ended or the reader left.
    /// - Parameters:
    ///   - first: The first event that is wanted, counted from 0.
    ///   - line: Given each event as a line of JSON; returns whether somebody still reads.
    package static func watch(_ folder: StateFolder, from first: Int, line: (String) throws -> Bool) throws {
        guard folder.exists else { throw SupervisionError(.noSuchRun, "\(folder.path): there is no such launch") }
        var next = first
        while true {
            // Asked before the last look at the events: what it wrote before its end is among them then.
            let isAlive = folder.supervisor?.isAlive == true
            let lines = folder.events(from: next)
            next += lines.count
            for text in lines where try !line(text) { return }
            if !isAlive { return }
            var input = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
            // Nothing is ever sent: input that can be read is its end.
            if poll(&input, 1, 200) > 0 { return }
        }
    }

    private static func everything(_ folder: StateFolder) -> [ProcessRecord] {
        ([folder.supervisor].compactMap { $0 } + folder.processes().map(\.record)).filter(\.isAlive)
    }
}
