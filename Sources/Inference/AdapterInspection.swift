//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Foundation
package import LoRA
import RunRecords
import Tensors

/// What can be said of an adapter without its base model.
package struct AdapterInspection: Sendable {
    package let folder: String
    package let configuration: PEFTConfiguration
    /// Nil for an adapter of PEFT's own hand.
    package let record: LoRADropRecord?
    /// SHA-256 of `adapter_model.safetensors`.
    package let weightsDigest: String
    /// Tensors in that file, and the numbers in them.
    package let tensorCount: Int
    package let parameterCount: Int
    /// The shared LoRAs, by module name.
    package let shared: [SharedLoRA]

    /// A LoRA that several layers use; every layer's copy has the same bytes.
    package struct SharedLoRA: Sendable, Hashable {
        /// The module's name within its layer.
        package let module: String
        package let layers: [Int]
        /// SHA-256 of A's and B's bytes.
        package let digest: String
    }

    /// Looks at an adapter folder, or at the adapter of a run folder.
    /// - Throws: `InferenceError` with code `noAdapter`, or `brokenSharing` where copies of a shared LoRA differ;
    ///   `LoRAError`, `TensorFileError`.
    package init(adapterOrRun path: String) throws {
        folder = try Self.adapterFolder(in: path)
        configuration = try PEFTConfiguration(path: folder + "/" + PEFTAdapter.configurationFile)
        let record = try LoRADropRecord.read(from: folder)
        let weights = try SafetensorsFile(path: folder + "/" + PEFTAdapter.weightsFile)
        tensorCount = weights.names.count
        parameterCount = weights.header.entries.reduce(0) { $0 + $1.count }
        weightsDigest = try Digest(ofFile: weights.file.path).description
        shared = try record.map { try Self.sharedLoRAs($0, in: weights) } ?? []
        self.record = record
    }

    private static func adapterFolder(in path: String) throws(InferenceError) -> String {
        let candidates = [path, RunFolder(path).adapter]
        guard
            let folder = candidates.first(where: {
                FileManager.default.fileExists(atPath: $0 + "/" + PEFTAdapter.configurationFile)
            })
        else {
            throw InferenceError(
                .noAdapter,
                "\(path): expected an adapter folder or the folder of a finished run, found no "
                    + candidates.map { $0 + "/" + PEFTAdapter.configurationFile }.joined(separator: " and no "))
        }
        return folder
    }

    /// Holds every copy of a shared LoRA against the first.
    private static func sharedLoRAs(
        _ record: LoRADropRecord, in weights: SafetensorsFile
    ) throws(InferenceError) -> [SharedLoRA] {
        var found: [String: (layers: [Int], digest: String)] = [:]
        for layer in record.layers {
            for (module, facts) in layer.modules.sorted(by: { $0.key < $1.key }) {
                let digest = try digest(
                    ofModule: "\(layer.layer).\(module)", in: weights, isThere: facts.adapter != "none")
                guard facts.adapter == "shared" else { continue }
                let first = found[module]
                if let first, first.digest != digest {
                    throw InferenceError(
                        .brokenSharing,
                        "\(weights.file.path): layers \(first.layers[0]) and \(layer.layer) share the LoRA of "
                            + "\(module) by \(LoRADropRecord.fileName), but their copies differ: \(first.digest) and "
                            + "\(digest); the adapter was changed after it was written")
                }
                found[module] = ((first?.layers ?? []) + [layer.layer], digest)
            }
        }
        return found.map { SharedLoRA(module: $0.key, layers: $0.value.layers, digest: $0.value.digest) }
            .sorted { $0.module < $1.module }
    }

    /// SHA-256 of the bytes of a module's A and B.
    private static func digest(
        ofModule path: String, in weights: SafetensorsFile, isThere: Bool
    ) throws(InferenceError) -> String {
        var hash = SHA256()
        for half in ["lora_A", "lora_B"] {
            let names = weights.names.filter { $0.hasSuffix(".\(path).\(half).weight") }
            guard names.count == (isThere ? 1 : 0) else {
                throw InferenceError(
                    .brokenSharing,
                    "\(weights.file.path): expected \(isThere ? "one tensor" : "no tensor") named "
                        + "….\(path).\(half).weight, as \(LoRADropRecord.fileName) says, found \(names.count)")
            }
            for name in names {
                weights[name]?.forEachPiece { piece in hash.update(piece) }
            }
        }
        return hash.finish().description
    }
}
