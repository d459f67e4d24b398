//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Digests
import Foundation
import RunConfiguration
import Training
import Transformer

/// Gathers what a host has of the model and the data, and what its processor computes.
enum ModelGathering {
    static func gather(_ query: FactsQuery, into facts: inout HostFacts) {
        facts.kernels.description = NumericProbe.machineDescription
        if let standard = try? EncoderConfiguration(json: Data(standardShapes.utf8), file: "the standard shapes") {
            // Twice: a processor that does not agree with itself is broken.
            facts.kernels.probes = (0..<2).map { _ in NumericProbe.digest(standard).description }
        }
        if let path = query.model {
            let (model, configuration) = model(path)
            facts.model = model
            facts.kernels.modelProbe = configuration.map { NumericProbe.digest($0).description }
        }
        if let text = query.configuration {
            facts.data = data(text)
        }
    }

    /// Shapes of a common small encoder, the same on every host whether it has the model or not.
    private static let standardShapes = """
        {"model_type": "bert", "hidden_size": 384, "num_attention_heads": 12, "num_hidden_layers": 6,
         "intermediate_size": 1536, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "vocab_size": 30522,
         "max_position_embeddings": 512, "type_vocab_size": 2}
        """

    private static func model(_ path: String) -> (ModelFacts, (any BaseConfiguration)?) {
        var facts = ModelFacts(path: path)
        facts.exists = FileManager.default.fileExists(atPath: path + "/config.json")
        guard facts.exists else {
            facts.problem = "there is no \(path)/config.json"
            return (facts, nil)
        }
        do {
            // The pooler is no part of the fingerprint, and a folder without one is none the worse here.
            let configuration = try BaseConfigurations.read(folder: path)
            facts.layerCount = configuration.layerCount
            facts.hiddenSize = configuration.hiddenSize
            facts.intermediateSize = configuration.intermediateSize
            facts.headCount = configuration.headCount
            let model = try BaseModel(folder: path, trainPooler: true)
            facts.fingerprint = model.fingerprint.description
            facts.byteCount = try FileManager.default.contentsOfDirectory(atPath: path)
                .filter { $0.hasSuffix(".safetensors") }
                .reduce(0) { sum, name in sum + (try size(of: "\(path)/\(name)")) }
            return (facts, model.configuration)
        } catch {
            facts.problem = "\(error)"
            return (facts, nil)
        }
    }

    private static func size(of path: String) throws -> Int {
        // The size of what a link leads to: a model's folder may be a cache of links.
        try FileHandle(forReadingFrom: URL(fileURLWithPath: path)).seekToEnd().asInt
    }

    private static func data(_ configuration: String) -> [DataFacts] {
        let settings: RunSettings
        do {
            settings = try RunSettings.parse(configuration, path: "the run's configuration")
        } catch {
            var facts = DataFacts(purpose: "training", path: "")
            facts.problem = "\(error)"
            return [facts]
        }
        let reader = DatasetReader(settings.task.datasetOptions())
        let files = [("training", settings.task.train), ("validation", settings.task.validation)]
        return files.compactMap { purpose, path in
            guard let path else { return nil }
            var facts = DataFacts(purpose: purpose, path: path)
            facts.exists = FileManager.default.fileExists(atPath: path)
            do {
                let bytes = try DatasetReader.contents(of: path)
                facts.sha256 = Digest(of: bytes).description
                facts.rowCount = try reader.read(path).examples.count
            } catch {
                facts.problem = "\(error)"
            }
            return facts
        }
    }
}

extension UInt64 {
    fileprivate var asInt: Int { Int(clamping: self) }
}
