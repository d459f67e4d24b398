//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Foundation
import LoRA
import Tensors
import Testing
import Transformer

struct MergedWeightsTests {
    @Test("a merged model without branches has the logits of base and adapter", arguments: Vectors.caseNames)
    func logits(name: String) throws {
        let known = try Vectors.knownCase(name)
        for modelFolder in known.modelFolders {
            let configuration = try EncoderConfiguration(folder: Vectors.model(modelFolder))
            let base = try ModelWeights(folder: Vectors.model(modelFolder))
            let adapter = try PEFTAdapter(
                folder: Vectors.adapter(name), configuration: configuration, fingerprint: { Digest(of: [UInt8(0)]) })
            try withFolder { folder in
                try MergedWeights.write(
                    base: base, configuration: configuration, adapter: adapter.parameters,
                    to: folder + "/model.safetensors")
                let merged = try ModelWeights(folder: folder)
                let family = configuration.family
                #expect(
                    merged.names.allSatisfy {
                        $0.hasPrefix(family.prefix + "embeddings") || $0.hasPrefix(family.prefix + family.layers)
                            || $0.hasPrefix(family.pooler.path) || $0.hasPrefix(family.classifier)
                    })
                #expect(merged.names.count == Set(merged.names).count)
                #expect(!merged.names.contains { $0.hasSuffix("position_ids") })
                #expect(merged.files[0].header.entries.allSatisfy { $0.dtype == .float32 })
                let head = HeadShape(configuration: configuration, labelCount: adapter.labelCount)
                let layout = ParameterLayout(
                    assignment: AdapterAssignment(ownTargets: [], projectionCount: configuration.projections.count),
                    adapterRank: 1, projections: configuration.projections, head: head)
                let values = layout.initialValues(
                    seed: 0, phase: 0, projections: configuration.projections,
                    head: try HeadInitialisation(standardDeviation: 1, head: head, base: merged))
                let parameters = TrainableParameters(layout, values: values, scale: 1)
                let model = try SequenceClassifier(configuration: configuration, source: merged)
                let workspace = Workspace()
                let logits = workspace.scope {
                    let pass = model.forward(
                        known.batch.packed, branches: parameters.branches, head: parameters.head,
                        workspace: workspace)
                    return pass.logits.values.map(Double.init)
                }
                #expect(relativeError(logits, known.logits.flatMap(\.self)) < 2e-5)
            }
        }
    }
}
