//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// What is known of one host, as values: gathered there (`FactsServer`), sent as JSON, judged elsewhere (`Checks`).

/// Who answers: the first answer of every session, small and fixed, so that other builds understand it too.
package struct HostIdentity: Sendable, Hashable, Codable {
    /// What workers and coordinator compare when they join.
    package var build: String
    /// SHA-256 of the executable, in hexadecimal digits.
    package var executableDigest: String
    /// The host's own name for itself.
    package var hostName: String
    /// Tells machines and network namespaces apart: two hosts with the same one share their loopback.
    package var networkIdentity: String
    /// The operating system's and the processor's names.
    package var platform: String

    package init(
        build: String, executableDigest: String, hostName: String, networkIdentity: String, platform: String
    ) {
        self.build = build
        self.executableDigest = executableDigest
        self.hostName = hostName
        self.networkIdentity = networkIdentity
        self.platform = platform
    }
}

/// Everything that one host says of itself.
package struct HostFacts: Sendable, Hashable, Codable {
    package var processorCount = 0
    package var kernels = KernelFacts()
    package var memory = MemoryFacts()
    package var disks: [DiskFacts] = []
    package var limits = LimitFacts()
    /// Addresses of the host's interfaces, loopback included.
    package var addresses: [String] = []
    package var ports: [PortFacts] = []
    /// nil where no model was asked for.
    package var model: ModelFacts?
    package var data: [DataFacts] = []
    /// nil where no folder was asked for.
    package var certificates: CertificateFacts?

    package init() {}
}

/// What the processor computes.
package struct KernelFacts: Sendable, Hashable, Codable {
    /// Processor and BLAS, for people.
    package var description = ""
    /// Digests of the numeric probe on fixed shapes, computed twice.
    package var probes: [String] = []
    /// Digest of the probe on the model's shapes; nil where the model is not there.
    package var modelProbe: String?

    package init() {}
}

/// Memory, in bytes.
package struct MemoryFacts: Sendable, Hashable, Codable {
    package var total = 0
    package var available = 0
    /// What is left of a control group's limit; nil where there is none.
    package var groupAvailable: Int?

    package init() {}

    /// What a new process can have.
    package var usable: Int { min(available, groupAvailable ?? available) }
}

/// A folder that is written to.
package struct DiskFacts: Sendable, Hashable, Codable {
    /// What is written there.
    package var purpose: DiskPurpose
    package var path: String
    /// Bytes that are free for this user.
    package var freeBytes = 0
    /// Why nothing can be written; nil where a file could be.
    package var problem: String?

    package init(purpose: DiskPurpose, path: String) {
        self.purpose = purpose
        self.path = path
    }
}

/// What is written to a folder.
package enum DiskPurpose: String, Sendable, Hashable, Codable {
    /// The run's folder: checkpoints, adapter, logs.
    case run
    /// A host's own files: the program, the log's spool, a fetched model.
    case work
}

/// Soft and hard limits of a process; nil is no limit.
package struct LimitFacts: Sendable, Hashable, Codable {
    package var openFiles: Int?
    package var openFilesHard: Int?
    package var processes: Int?
    /// Bytes.
    package var addressSpace: Int?
    /// Bytes.
    package var dataSegment: Int?
    /// Bytes.
    package var fileSize: Int?

    package init() {}
}

/// An endpoint to listen on.
package struct PortFacts: Sendable, Hashable, Codable {
    package var endpoint: String
    /// Why nobody can listen there; nil where it is free.
    package var problem: String?

    package init(endpoint: String, problem: String?) {
        self.endpoint = endpoint
        self.problem = problem
    }
}

/// A base model's folder.
package struct ModelFacts: Sendable, Hashable, Codable {
    package var path: String
    package var exists = false
    /// SHA-256 of the weights, in hexadecimal digits; nil where it cannot be read.
    package var fingerprint: String?
    /// Bytes of the weights.
    package var byteCount = 0
    package var layerCount = 0
    package var hiddenSize = 0
    package var intermediateSize = 0
    package var headCount = 0
    /// Why it cannot be used.
    package var problem: String?

    package init(path: String) {
        self.path = path
    }
}

/// A data file.
package struct DataFacts: Sendable, Hashable, Codable {
    /// `training` or `validation`.
    package var purpose: String
    package var path: String
    package var exists = false
    package var sha256: String?
    package var rowCount = 0
    /// Why it cannot be used.
    package var problem: String?

    package init(purpose: String, path: String) {
        self.purpose = purpose
        self.path = path
    }
}

/// The certificates in a folder.
package struct CertificateFacts: Sendable, Hashable, Codable {
    package struct Member: Sendable, Hashable, Codable {
        package var file: String
        package var role: String?
        package var name: String?
        package var run: String?
        /// Seconds since 1970.
        package var notAfter: Int64
        /// Whether the key lies beside it.
        package var hasKey: Bool
        /// Why a peer would refuse it, or the key cannot be used.
        package var problem: String?

        package init(
            file: String, role: String?, name: String?, run: String?, notAfter: Int64, hasKey: Bool, problem: String?
        ) {
            self.file = file
            self.role = role
            self.name = name
            self.run = run
            self.notAfter = notAfter
            self.hasKey = hasKey
            self.problem = problem
        }
    }

    package var folder: String
    /// SHA-256 of the authority's certificate.
    package var authority: String?
    package var members: [Member] = []
    /// The host's time, in seconds since 1970.
    package var now: Int64
    /// Why the folder cannot be used.
    package var problem: String?

    package init(folder: String, now: Int64) {
        self.folder = folder
        self.now = now
    }
}

/// What one host makes of another's address.
package struct ResolutionFacts: Sendable, Hashable, Codable {
    package var host: String
    package var addresses: [String] = []
    /// The address that packets there leave by.
    package var source: String?
    package var problem: String?

    package init(host: String) {
        self.host = host
    }
}

/// A link as measured from one host to another.
package struct LinkFacts: Sendable, Hashable, Codable {
    package var endpoint: String
    /// Median time of a round trip, in seconds.
    package var latency: Double?
    /// Bytes a second towards the other host.
    package var bandwidth: Double?
    package var problem: String?

    package init(endpoint: String) {
        self.endpoint = endpoint
    }
}
