//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests

/// Which build of the program this is; every process of a run must be of the same one.
package enum BuildIdentity {
    /// The version of the source.
    package static let version = "0.1.0"

    /// The first 64 bits of the SHA-256 of the file that this process runs, in hexadecimal.
    ///
    /// The same file gives the same sum on every host, so nothing but copies of one build is one build.
    private static let executable = BackgroundValue(name: "build") {
        String(try Digest(ofFile: "/proc/self/exe").description.prefix(16))
    }

    /// What workers and coordinator compare: "loradrop 0.1.0 (build 0123456789abcdef)".
    ///
    /// Builds may differ in bits, so they are compared as a whole.
    /// - Throws: `FileError` where the executable cannot be read.
    package static var current: String {
        get throws {
            let sum = try executable.get()
            return "loradrop \(version) (build \(sum))"
        }
    }

    /// Begins to read the executable, so that `current` has it sooner.
    static func prepare() {
        _ = executable
    }

    /// What `loradrop --version` prints.
    package static var versionText: String {
        switch Result(catching: executable.get) {
        case .success(let sum): "\(version) (build \(sum))"
        case .failure(let error): "\(version) (build unknown: \(error))"
        }
    }
}
