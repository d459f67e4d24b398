//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Digests
import Foundation
import LoRA
import Tensors
import Training
import Transformer

/// Where this repository's vectors lie.
enum Vectors {
    static func model(_ name: String) -> String { root + "/models/\(name)" }
    static func adapter(_ name: String) -> String { root + "/cases/\(name)/adapter" }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Vectors/bert").path
}

/// Runs `body` with an empty folder that is removed afterwards.
func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "inference-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let result = Swift.Result { try body(folder) }
    try FileManager.default.removeItem(atPath: folder)
    return try result.get()
}

/// The error of a type that `body` throws; nil where it throws none or another.
func refusal<Failure: Error>(_ type: Failure.Type, _ body: () throws -> Void) -> Failure? {
    do {
        try body()
        return nil
    } catch {
        return error as? Failure
    }
}

/// An adapter on the model `pairs` of the vectors: query and value with random numbers, layers 1 and 3 kept, 0 and 2
/// sharing.
struct RandomAdapter {
    static let labels = ["no", "yes"]
    let base: BaseModel
    let trainable: TrainableModel
    let layout: ParameterLayout
    let values: [Float]

    init() throws {
        base = try BaseModel(folder: Vectors.model("pairs"), trainPooler: false)
        trainable = try base.trainable(
            lora: LoRASettings(adapterRank: 3, alpha: 6), labelCount: 2, sharing: .trained)
        let kept = trainable.targets.filter { [1, 3].contains($0.layer) }.map(\.index)
        layout = trainable.layout(
            AdapterAssignment(
                targets: trainable.targets, kept: Set(kept), sharesRest: true,
                projectionCount: trainable.projections.count))
        var state: UInt64 = 7
        values = (0..<layout.count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int64(bitPattern: state) >> 40) * 0x1p-23
        }
    }

    func write(to folder: String) throws {
        let record = LoRADropRecord(
            fingerprint: base.fingerprint, task: "classification", labels: Self.labels, seed: 5,
            settings: LoRADropSettings(), sharing: .trained, maximumSequenceLength: 24, shardTokens: 48, decision: nil,
            targets: trainable.targets, layout: layout)
        try PEFTAdapter.write(
            TrainableParameters(layout, values: values, scale: trainable.lora.scale), settings: trainable.lora,
            projections: trainable.projections, baseModel: "pairs", record: record, to: folder)
    }
}
