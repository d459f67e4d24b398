//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// `model.safetensors.index.json`: which file of a folder holds which tensor.
struct ShardIndex {
    let path: String
    private let fileOfTensor: [String: String]

    private struct Contents: Decodable {
        let fileOfTensor: [String: String]

        enum CodingKeys: String, CodingKey {
            case fileOfTensor = "weight_map"
        }
    }

    init(path: String) throws(TensorFileError) {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw TensorFileError(.inputOutput, "\(path) cannot be read: \(error.localizedDescription)")
        }
        guard data.count <= SafetensorsHeader.lengthLimit else {
            throw TensorFileError(
                .badIndex, "\(path): expected at most \(SafetensorsHeader.lengthLimit) bytes, found \(data.count)")
        }
        do {
            fileOfTensor = try JSONDecoder().decode(Contents.self, from: data).fileOfTensor
        } catch {
            throw TensorFileError(
                .badIndex, "\(path): expected an object with \"weight_map\": {\"tensor\": \"file\"}: \(error)")
        }
        self.path = path
        // A name with a slash would let a downloaded index open any file of the machine.
        for name in Set(fileOfTensor.values).sorted()
        where !name.hasSuffix(".safetensors") || name.contains("/") || name.utf8.contains(0) {
            throw TensorFileError(
                .badIndex, "\(path): expected names of .safetensors files beside the index, found \(name)")
        }
    }

    /// The files, each once, sorted.
    var fileNames: [String] { Set(fileOfTensor.values).sorted() }

    /// Every tensor must be where the index says, and every tensor of the files must be in the index.
    /// - Parameter files: Those of `fileNames`, in that order.
    func check(against files: [SafetensorsFile]) throws(TensorFileError) {
        let byName = Dictionary(uniqueKeysWithValues: zip(fileNames, files))
        for (tensor, name) in fileOfTensor.sorted(by: { $0.key < $1.key }) where byName[name]?[tensor] == nil {
            throw TensorFileError(.missingTensor, "\(path): tensor \(tensor) is stated to be in \(name), but is not")
        }
        for (name, file) in zip(fileNames, files) {
            for tensor in file.names where fileOfTensor[tensor] != name {
                throw TensorFileError(
                    .badIndex,
                    "\(path): tensor \(tensor) is in \(name), but the index says "
                        + (fileOfTensor[tensor] ?? "nothing about it"))
            }
        }
    }
}
