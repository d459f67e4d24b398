//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Files
import JSONText
package import RunConfiguration
import RunRecords

/// What tells one run from another, for those who only look.
package enum RunFingerprint {
    /// What a run of these settings writes into its folder: of configuration, base model and data.
    ///
    /// Reads the model and tokenises the data.
    /// - Throws: As the preparation of a run.
    package static func of(_ settings: RunSettings) throws -> String {
        try RunPreparation(settings).resultDigest.description
    }

    /// What stands in a run folder.
    /// - Returns: nil where it holds no run.
    /// - Throws: `FileError` where it cannot be read.
    package static func recorded(in folder: String) throws -> String? {
        guard let bytes = try AtomicFile.read(RunFolder(folder).identity) else { return nil }
        return try JSONParser.parse(bytes)["result_digest"]?.string ?? "unknown"
    }
}
