//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Files
import Foundation

extension Digest {
    /// The sum of a file's bytes.
    package init(ofFile path: String) throws(FileError) {
        var hash = SHA256()
        let file = try SystemFile.open(path, flags: O_RDONLY)
        do {
            while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty {
                piece.withUnsafeBytes { hash.update($0) }
            }
            try file.close()
        } catch {
            throw FileError("read", path: path, error)
        }
        self = hash.finish()
    }
}
