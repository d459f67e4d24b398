//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation
import RunRecords
import Testing

@Suite("Run folder")
struct RunFolderTests {
    private func refusal(_ path: String, digest: String, resume: Bool = true) throws -> RecordError? {
        do {
            try RunClaim(RunFolder(path), resultDigest: digest, resume: resume).take()
            return nil
        } catch let error as RecordError {
            return error
        }
    }

    @Test("lines are appended, also by the next opening")
    func lines() throws {
        try withFolder { folder in
            let path = folder + "/worker-0.jsonl"
            for line in ["a", "b"] {
                let file = try LineFile(appendingTo: path)
                try file.append(line)
                try file.flush()
            }
            #expect(try AtomicFile.read(path) == Array("a\nb\n".utf8))
            let cut = try LineFile(path, keeping: 2)
            try cut.append("c")
            #expect(try AtomicFile.read(path) == Array("a\nc\n".utf8))
            #expect(throws: FileError.self) { try LineFile(appendingTo: folder + "/none/a") }
        }
    }

    @Test("a folder is owned by one at a time, and each owner has a higher incarnation")
    func ownership() throws {
        try withFolder { folder in
            let path = folder + "/runs/x"
            do {
                let claim = try RunClaim(RunFolder(path), resultDigest: "aa", resume: true)
                #expect(claim.incarnation == 1 && !claim.isResumed)
                try claim.take()
                let error = try refusal(path, digest: "aa")
                #expect(error?.code == .locked)
                let owner = "process \(ProcessInfo.processInfo.processIdentifier)"
                #expect(error?.description.contains(owner) == true)
                withExtendedLifetime(claim) {}
            }
            let claim = try RunClaim(RunFolder(path), resultDigest: "aa", resume: true)
            #expect(claim.incarnation == 2 && claim.isResumed)
            withExtendedLifetime(claim) {}
        }
    }

    @Test("a folder that was claimed and not taken is open to another run")
    func untaken() throws {
        try withFolder { folder in
            let path = folder + "/x"
            do {
                let claim = try RunClaim(RunFolder(path), resultDigest: "aa", resume: true)
                withExtendedLifetime(claim) {}
            }
            let claim = try RunClaim(RunFolder(path), resultDigest: "bb", resume: false)
            #expect(claim.incarnation == 1 && !claim.isResumed)
            withExtendedLifetime(claim) {}
        }
    }

    @Test("a folder with another run, with this run where it is not to be resumed, or with foreign files is refused")
    func refusals() throws {
        try withFolder { folder in
            let path = folder + "/x"
            #expect(try refusal(path, digest: "aa") == nil)
            let identity = try AtomicFile.read(path + "/run.json")
            #expect(try refusal(path, digest: "bb")?.code == .otherRun)
            #expect(try refusal(path, digest: "aa", resume: false)?.code == .sameRun)
            #expect(try AtomicFile.read(path + "/run.json") == identity)
            try AtomicFile.write("{}", to: path + "/run.json")
            #expect(try refusal(path, digest: "aa")?.code == .malformed)

            let foreign = folder + "/y"
            try SystemFile.createFolder(foreign + "/checkpoint-3")
            try AtomicFile.write("mine", to: foreign + "/run.yaml")
            let error = try refusal(foreign, digest: "aa")
            #expect(error?.code == .foreign && error?.description.contains("checkpoint-3") == true)
            try FileManager.default.removeItem(atPath: foreign + "/checkpoint-3")
            #expect(try refusal(foreign, digest: "aa") == nil)
            #expect(throws: FileError.self) { try refusal(folder + "/y/run.yaml", digest: "aa") }
        }
    }

    @Test("paths of a run folder")
    func paths() {
        let folder = RunFolder("runs/x")
        #expect(folder.adapterWeights == "runs/x/adapter/adapter_model.safetensors")
        #expect(folder.log(ofWorker: "worker-2") == "runs/x/logs/worker-2.jsonl")
    }
}
