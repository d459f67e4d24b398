//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A safetensors file, mapped: its tensors are read where they lie.
package struct SafetensorsFile: Sendable {
    package let file: MappedFile
    package let header: SafetensorsHeader
    /// The tensors by name.
    private let tensors: [String: FrozenTensor]

    /// Maps the file at `path` and checks its header.
    /// - Throws: `TensorFileError`.
    package init(path: String) throws(TensorFileError) {
        let file = try MappedFile(path: path)
        header = try SafetensorsHeader.parse(UnsafeRawBufferPointer(start: file.base, count: file.count), file: path)
        self.file = file
        tensors = Dictionary(
            uniqueKeysWithValues: header.entries.map { ($0.name, FrozenTensor($0, file: file)) })
    }

    /// The names in the order of the tensors' bytes.
    package var names: [String] { header.entries.map(\.name) }

    /// The tensor called `name`, if there is one.
    package subscript(name: String) -> FrozenTensor? { tensors[name] }
}
