//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What a worker states of itself when it asks to join.
///
/// Its name is not among the facts: it comes from the certificate.
package struct WorkerFacts: Hashable, Sendable {
    package var protocolVersion: UInt32
    /// Which build of the program it runs.
    package var build: String
    /// A number that grows with each start of the process.
    package var incarnation: UInt64
    /// Shards that it computes at a time.
    package var slots: Int
    /// Where other workers reach it, "host:port".
    package var dataEndpoint: String
    /// SHA-256 of the numeric probe: the bits of its CPU kernels.
    package var numericProbe: [UInt8]
    /// CPU and BLAS in words, for messages.
    package var numericProbeDescription: String
    /// SHA-256 of the base model.
    package var modelFingerprint: [UInt8]

    package init(
        protocolVersion: UInt32, build: String, incarnation: UInt64, slots: Int, dataEndpoint: String,
        numericProbe: [UInt8], numericProbeDescription: String, modelFingerprint: [UInt8]
    ) {
        self.protocolVersion = protocolVersion
        self.build = build
        self.incarnation = incarnation
        self.slots = slots
        self.dataEndpoint = dataEndpoint
        self.numericProbe = numericProbe
        self.numericProbeDescription = numericProbeDescription
        self.modelFingerprint = modelFingerprint
    }
}

/// What the coordinator demands of everyone who joins.
package struct JoinRequirements: Hashable, Sendable {
    /// How many workers the run starts with.
    package var workerCount: Int
    /// With how many it goes on, and starts once the join deadline has passed.
    package var minimumCount: Int
    /// How many may join.
    package var maximumCount: Int
    package var protocolVersion: UInt32
    package var build: String
    package var modelFingerprint: [UInt8]
    /// Gives up the exactness contract: workers whose CPU kernels give other bits may join.
    package var allowsMixedKernels: Bool

    package init(
        workerCount: Int, minimumCount: Int? = nil, maximumCount: Int? = nil, protocolVersion: UInt32, build: String,
        modelFingerprint: [UInt8], allowsMixedKernels: Bool
    ) {
        self.minimumCount = minimumCount ?? workerCount
        self.maximumCount = maximumCount ?? workerCount
        precondition(
            0 < self.minimumCount && self.minimumCount <= workerCount && workerCount <= self.maximumCount,
            "a run with \(workerCount) workers, \(self.minimumCount) at least and \(self.maximumCount) at most")
        self.workerCount = workerCount
        self.protocolVersion = protocolVersion
        self.build = build
        self.modelFingerprint = modelFingerprint
        self.allowsMixedKernels = allowsMixedKernels
    }

    /// Why somebody with these facts may not join, or nil.
    /// - Parameter established: The facts of a worker that already belongs to the run.
    func refusal(of facts: WorkerFacts, established: (name: String, facts: WorkerFacts)?) -> JoinRefusal? {
        if facts.protocolVersion != protocolVersion {
            return JoinRefusal(
                code: .protocolVersion,
                reason: "it speaks protocol \(facts.protocolVersion), the coordinator speaks \(protocolVersion); "
                    + "install the same build on every host")
        }
        if facts.build != build {
            return JoinRefusal(
                code: .build,
                reason: "it runs build \(facts.build), the coordinator runs \(build); install the same build on every "
                    + "host")
        }
        if facts.modelFingerprint != modelFingerprint {
            return JoinRefusal(
                code: .model,
                reason: "its base model has the fingerprint \(hexadecimal(facts.modelFingerprint)), the coordinator's "
                    + "has \(hexadecimal(modelFingerprint)); give it the same model folder")
        }
        if let established, !allowsMixedKernels, facts.numericProbe != established.facts.numericProbe {
            return JoinRefusal(
                code: .numericProbe,
                reason: "its CPU kernels (\(facts.numericProbeDescription)) give other bits than those of "
                    + "\(established.name) (\(established.facts.numericProbeDescription)); run the same "
                    + "build on processors that all have AVX2, or give up exactness with --cluster.allow-mixed-kernels true"
            )
        }
        return nil
    }
}

/// Why a worker was not taken.
package struct JoinRefusal: Hashable, Sendable {
    package enum Code: String, Hashable, Sendable {
        case protocolVersion, build, model, numericProbe, rosterFull, alreadyJoined, setAside, distrusted, runFailed
    }
    package let code: Code
    /// A sentence that goes on from the worker's name.
    package let reason: String

    package init(code: Code, reason: String) {
        self.code = code
        self.reason = reason
    }
}

/// The first eight bytes in hexadecimal, enough to tell two sums apart in a message.
func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.prefix(8).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
