//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Foundation

/// Reads the tokenizer of a model folder.
package enum TokenizerFolder {
    /// The folder's tokenizer, as ``TokenizerFiles/tokenizer()`` understands its files.
    ///
    /// - Throws: ``TokenizerError`` that names the file and the key.
    package static func load(_ folder: URL) throws -> any Tokenizer {
        var contents: [String: [UInt8]] = [:]
        for name in TokenizerFiles.names {
            let file = folder.appendingPathComponent(name)
            if FileManager.default.fileExists(atPath: file.path) { contents[name] = try bytes(of: file) }
        }
        return try TokenizerFiles(folder: folder.path, contents: contents).tokenizer()
    }

    /// The bytes of a regular file within the size limit.
    private static func bytes(of file: URL) throws -> [UInt8] {
        let path = file.resolvingSymlinksInPath().path
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            guard attributes[.type] as? FileAttributeType == .typeRegular else {
                throw TokenizerError(.unreadableFile, "\(file.path): expected a regular file")
            }
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            let data = try handle.read(upToCount: TokenizerLimits.fileBytes + 1) ?? Data()
            try handle.close()
            guard data.count <= TokenizerLimits.fileBytes else {
                throw TokenizerError(
                    .unreadableFile, "\(file.path): larger than the limit of \(TokenizerLimits.fileBytes) bytes")
            }
            return [UInt8](data)
        } catch let error as TokenizerError {
            throw error
        } catch {
            throw TokenizerError(.unreadableFile, "\(file.path): cannot be read: \(error.localizedDescription)")
        }
    }
}
