//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Spelling

/// The weights in a Hugging Face model folder: `model.safetensors`, or the shards of `model.safetensors.index.json`.
package struct ModelWeights: Sendable {
    package let folder: String
    /// The files in the order of their names.
    package let files: [SafetensorsFile]
    /// The names of all files that were read in the folder, the index among them where there is one.
    package let fileNames: [String]
    /// Which file holds a tensor.
    private let places: [String: Int]

    static let singleFile = "model.safetensors"
    static let indexFile = "model.safetensors.index.json"

    /// Maps the files of `folder`; nothing but the headers is read.
    /// - Throws: `TensorFileError`.
    package init(folder: String) throws(TensorFileError) {
        let single = folder + "/" + Self.singleFile
        let index = folder + "/" + Self.indexFile
        // Where both are there the single file wins, as in transformers.
        if FileManager.default.fileExists(atPath: single) {
            try self.init(folder: folder, files: [SafetensorsFile(path: single)], fileNames: [Self.singleFile])
        } else if FileManager.default.fileExists(atPath: index) {
            let index = try ShardIndex(path: index)
            var files: [SafetensorsFile] = []
            for name in index.fileNames {
                files.append(try SafetensorsFile(path: folder + "/" + name))
            }
            try index.check(against: files)
            try self.init(folder: folder, files: files, fileNames: [Self.indexFile] + index.fileNames)
        } else {
            throw Self.noWeights(in: folder)
        }
    }

    private init(
        folder: String, files: [SafetensorsFile], fileNames: [String]
    ) throws(TensorFileError) {
        var places: [String: Int] = [:]
        for (place, file) in files.enumerated() {
            for name in file.names {
                if let other = places.updateValue(place, forKey: name) {
                    throw TensorFileError(
                        .duplicateName, "tensor \(name) is in \(files[other].file.path) and in \(file.file.path)")
                }
            }
        }
        self.folder = folder
        self.files = files
        self.fileNames = fileNames
        self.places = places
    }

    /// All tensors' names, sorted.
    package var names: [String] { places.keys.sorted() }

    /// The tensor called `name`, if there is one, whatever its type.
    package subscript(name: String) -> FrozenTensor? {
        places[name].flatMap { files[$0][name] }
    }

    /// The weight called `name`.
    /// - Throws: `TensorFileError`: not there (with near names), a type that is no weight, another shape.
    package func tensor(_ name: String, shape: [Int]) throws(TensorFileError) -> FrozenTensor {
        guard let tensor = self[name] else {
            let near = NearNames.of(name, among: names)
            throw TensorFileError(
                .missingTensor,
                "\(folder): there is no tensor \(name) of shape \(shape) among \(places.count); "
                    + (near.isEmpty ? "the files are empty" : "near it: \(near.joined(separator: ", "))"))
        }
        guard tensor.dtype.isWeight else {
            throw TensorFileError(
                .unexpectedElementType,
                "\(tensor.file.path), tensor \(name): expected F32, F16 or BF16, found \(tensor.dtype.rawValue)")
        }
        guard tensor.shape == shape else {
            throw TensorFileError(
                .unexpectedShape,
                "\(tensor.file.path), tensor \(name): expected the shape \(shape), found \(tensor.shape); "
                    + "do config.json and the weights belong together?")
        }
        return tensor
    }

    /// Reads all weights once and refuses infinities and NaNs.
    /// - Throws: `TensorFileError` with code `notFinite`.
    package func requireFinite() throws(TensorFileError) {
        for file in files {
            for name in file.names {
                if let tensor = file[name], tensor.dtype.isWeight {
                    try tensor.requireFinite()
                }
            }
        }
    }

    private static func noWeights(in folder: String) -> TensorFileError {
        let expected = "expected \(singleFile) or \(indexFile)"
        guard let listing = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            return TensorFileError(.noWeights, "\(folder): \(expected), but this is no folder that can be read")
        }
        if let pickle = listing.sorted().first(where: { $0.hasPrefix("pytorch_model") && $0.hasSuffix(".bin") }) {
            return TensorFileError(
                .noWeights,
                "\(folder): \(expected), found only \(pickle). A .bin file is a Python pickle, which can run code when "
                    + "it is read, so it is not. Convert it once with transformers: "
                    + "AutoModel.from_pretrained(folder).save_pretrained(folder)")
        }
        let found = listing.isEmpty ? "an empty folder" : listing.sorted().prefix(20).joined(separator: ", ")
        return TensorFileError(.noWeights, "\(folder): \(expected), found \(found)")
    }
}
