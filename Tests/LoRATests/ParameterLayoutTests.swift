//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import LoRA
import Tensors
import Testing
import Transformer

struct ParameterLayoutTests {
    static let rank = 3

    static func layout(
        _ configuration: EncoderConfiguration, targets: [String], kept: Set<Int>, shares: Bool = true,
        trainsPooler: Bool = false, labels: Int = 2
    ) throws -> ParameterLayout {
        let targets = try TargetModules.resolve(targets, in: configuration, trainsPooler: trainsPooler)
        return ParameterLayout(
            assignment: AdapterAssignment(
                targets: targets, kept: Set(targets.filter { kept.contains($0.layer) }.map(\.index)),
                sharesRest: shares, projectionCount: configuration.projections.count),
            adapterRank: rank, projections: configuration.projections,
            head: HeadShape(configuration: configuration, labelCount: labels, trainsPooler: trainsPooler))
    }

    @Test("own tensors come by projection, shared ones once a name, the head last, without a gap")
    func order() throws {
        let configuration = try bertConfiguration(layers: 3)
        let layout = try Self.layout(configuration, targets: ["value", "output.dense"], kept: [1], trainsPooler: true)
        let layer = "base_model.model.bert.encoder.layer.1."
        #expect(
            layout.tensors.map(\.name) == [
                layer + "attention.self.value.lora_A.weight", layer + "attention.self.value.lora_B.weight",
                layer + "attention.output.dense.lora_A.weight", layer + "attention.output.dense.lora_B.weight",
                layer + "output.dense.lora_A.weight", layer + "output.dense.lora_B.weight",
                "shared.attention.self.value.lora_A.weight", "shared.attention.self.value.lora_B.weight",
                "shared.attention.output.dense.lora_A.weight", "shared.attention.output.dense.lora_B.weight",
                "shared.output.dense.lora_A.weight", "shared.output.dense.lora_B.weight",
                "base_model.model.bert.pooler.dense.weight", "base_model.model.bert.pooler.dense.bias",
                "base_model.model.classifier.weight", "base_model.model.classifier.bias",
            ])
        #expect(layout.tensors.map(\.shape)[4...5] == [[3, 12], [8, 3]])
        #expect(layout.tensors.map(\.shape).suffix(4) == [[8, 8], [8], [2, 8], [2]])
        var end = 0
        for tensor in layout.tensors {
            #expect(tensor.range.lowerBound == end)
            #expect(tensor.range.count == tensor.shape.reduce(1, *))
            end = tensor.range.upperBound
        }
        #expect(layout.count == end)
        #expect(layout.range(of: .adapter).upperBound == layout.range(of: .head).lowerBound)
        #expect(layout.range(of: .head).count == 64 + 8 + 16 + 2)
        #expect(layout.location(of: 0).tensor.name == layout.tensors[0].name)
        #expect(layout.location(of: end - 1).tensor.name == "base_model.model.classifier.bias")
        #expect(layout.location(of: end - 1).index == 1)
        #expect(layout.location(of: layout.tensors[3].range.lowerBound + 2) == (layout.tensors[3], 2))
    }

    @Test("shared projections view the same memory, others their own, dropped ones none")
    func views() throws {
        let configuration = try bertConfiguration(layers: 3)
        for shares in [true, false] {
            let layout = try Self.layout(configuration, targets: ["query"], kept: [0], shares: shares)
            let values = Matrix(rows: 1, columns: layout.count)
            let gradients = Matrix(rows: 1, columns: layout.count)
            let parameters = TrainableParameters(layout, values: values, gradients: gradients, scale: 2)
            #expect(parameters.branches.count == configuration.projections.count)
            let query = configuration.projections.filter { $0.role == .query }.map { parameters.branches[$0.index] }
            #expect(query.compactMap(\.self).count == (shares ? 3 : 1))
            #expect(parameters.branches.compactMap(\.self).count == (shares ? 3 : 1))
            let own = try #require(query[0])
            own.up[7, 2] = 5
            own.downGradient?[2, 7] = 6
            #expect(values[0, layout.tensors[1].range.upperBound - 1] == 5)
            #expect(gradients[0, layout.tensors[0].range.upperBound - 1] == 6)
            #expect(own.scale == 2)
            if shares {
                let (first, second) = (try #require(query[1]), try #require(query[2]))
                first.down[0, 0] = 3
                #expect(second.down[0, 0] == 3)
                first.upGradient?[0, 0] = 4
                #expect(second.upGradient?[0, 0] == 4)
                #expect(own.down[0, 0] == 0)
            }
            parameters.head.classifier?.biasGradient?[0, 1] = 9
            #expect(gradients[0, layout.count - 1] == 9)
            #expect(parameters.head.pooler == nil)
        }
    }

    @Test("A is uniform within its bound, B and new biases zero, and the head normal")
    func initialisation() throws {
        let configuration = try bertConfiguration(layers: 2, hidden: 64, intermediate: 256)
        let layout = try Self.layout(
            configuration, targets: ["query", "output.dense"], kept: [1], trainsPooler: true, labels: 50)
        let values = layout.initialValues(
            seed: 3, phase: 1, projections: configuration.projections,
            head: HeadInitialisation(standardDeviation: 0.02))
        for tensor in layout.tensors {
            let elements = values[tensor.range]
            if tensor.name.hasSuffix("lora_A.weight") {
                let bound = 1 / Float(tensor.shape[1]).squareRoot()
                #expect(elements.allSatisfy { $0 >= -bound && $0 < bound })
                #expect(elements.contains { $0 > 0.9 * bound } && elements.contains { $0 < -0.9 * bound })
            } else if tensor.name.hasSuffix("lora_B.weight") || tensor.name.hasSuffix("bias") {
                #expect(elements.allSatisfy { $0 == 0 })
            } else {
                let variance = elements.reduce(0) { $0 + $1 * $1 } / Float(elements.count)
                #expect(abs(variance.squareRoot() - 0.02) < 0.002)
            }
        }
    }

    @Test("what is drawn depends on seed, phase and projection, not on which layers are kept")
    func keys() throws {
        let configuration = try bertConfiguration(layers: 3)
        let head = HeadInitialisation(standardDeviation: 0.02)
        func draws(_ kept: Set<Int>, seed: UInt64 = 1, phase: UInt32 = 2) throws -> [String: [Float]] {
            let layout = try Self.layout(configuration, targets: ["query", "value"], kept: kept)
            let values = layout.initialValues(
                seed: seed, phase: phase, projections: configuration.projections, head: head)
            let pairs = layout.tensors.filter { !$0.name.contains("lora_B") && !$0.name.hasSuffix("bias") }
                .map { ($0.name, Array(values[$0.range])) }
            return Dictionary(uniqueKeysWithValues: pairs)
        }
        let some = try draws([1])
        let all = try draws([0, 1, 2])
        let none = try draws([])
        for (name, values) in some {
            if let other = all[name] { #expect(values == other) }
            if let other = none[name] { #expect(values == other) }
        }
        #expect(some.count == 5 && all.count == 7 && none.count == 3)
        // No two tensors of a model, and no two seeds or phases, have the same numbers.
        let everything = Array(all.values) + Array(none.filter { $0.key.hasPrefix("shared") }.values)
        #expect(Set(everything).count == everything.count)
        #expect(Set(try draws([1], seed: 2).values).isDisjoint(with: Set(some.values)))
        #expect(Set(try draws([1], phase: 1).values).isDisjoint(with: Set(some.values)))
    }

    @Test("a head that the base model has is taken in its shape only")
    func knownHead() throws {
        for (labels, isKnown) in [(3, true), (4, false)] {
            let configuration = try EncoderConfiguration(folder: Vectors.model("small"))
            let base = try ModelWeights(folder: Vectors.model("small"))
            let layout = try Self.layout(configuration, targets: ["query"], kept: [0], labels: labels)
            let head = try HeadInitialisation(
                standardDeviation: 0.02, head: HeadShape(configuration: configuration, labelCount: labels), base: base)
            let values = layout.initialValues(seed: 1, phase: 1, projections: configuration.projections, head: head)
            let stored = try #require(base["classifier.weight"]).values + (try #require(base["classifier.bias"]).values)
            #expect((Array(values.suffix(stored.count)) == stored) == isKnown)
        }
    }

    @Test("a warm start takes kept layers over and the mean for the shared ones")
    func warmStart() throws {
        let configuration = try bertConfiguration(layers: 3)
        let probeLayout = try Self.layout(configuration, targets: ["query"], kept: [0, 1, 2])
        let layout = try Self.layout(configuration, targets: ["query"], kept: [1])
        let probe = (0..<probeLayout.count).map { Float($0 % 97) }
        let fresh = [Float](repeating: -1, count: layout.count)
        let values = layout.warmValues(fresh: fresh, probe: probe, probeLayout: probeLayout)
        func source(_ tensor: Int) -> [Float] { Array(probe[probeLayout.tensors[tensor].range]) }
        #expect(Array(values[layout.tensors[0].range]) == source(2))
        #expect(Array(values[layout.tensors[1].range]) == source(3))
        #expect(Array(values[layout.tensors[2].range]) == zip(source(0), source(4)).map { ($0 + $1) / 2 })
        #expect(Array(values[layout.tensors[3].range]) == zip(source(1), source(5)).map { ($0 + $1) / 2 })
        #expect(values[layout.range(of: .head)].allSatisfy { $0 == -1 })
    }

    @Test("targets follow PEFT's rule: a path, or its end behind a dot")
    func targets() throws {
        let configuration = try bertConfiguration(layers: 2)
        func names(_ targets: [String], trainsPooler: Bool = false) throws -> [String] {
            try TargetModules.resolve(targets, in: configuration, trainsPooler: trainsPooler).map {
                "\($0.layer).\($0.name)"
            }
        }
        #expect(try names(["query"]) == ["0.attention.self.query", "1.attention.self.query"])
        #expect(try names(["self.query", "query"]).count == 2)
        #expect(
            try names(["output.dense"]) == [
                "0.attention.output.dense", "0.output.dense", "1.attention.output.dense", "1.output.dense",
            ])
        #expect(try names(["bert.encoder.layer.1.attention.self.key"]) == ["1.attention.self.key"])
        #expect(try names(["layer.1.attention.self.key"]) == ["1.attention.self.key"])
        #expect(try names(["dense"], trainsPooler: true).count == 6)
        for bad in ["quer", "uery", "", "bert", "attention.self", "query.", ".query", "classifier", "0"] {
            #expect(refusal { _ = try names([bad]) }?.code == .unknownTarget, "\(bad)")
        }
        let near = refusal { _ = try names(["query", "q_proj", "vaule"]) }
        #expect(near?.code == .unknownTarget)
        #expect(refusal { _ = try names(["vaule"]) }?.message.contains("near it: value") == true)
        let pooler = refusal { _ = try names(["dense"]) }
        #expect(pooler?.code == .unsupportedTarget)
        #expect(pooler?.message.contains("bert.pooler.dense") == true)
        #expect(pooler?.message.contains("attention.output.dense, intermediate.dense, output.dense") == true)
        #expect(refusal { _ = try names(["pooler.dense"]) }?.code == .unsupportedTarget)
    }

    @Test("an assignment travels as bytes")
    func bytes() throws {
        let assignment = AdapterAssignment(roles: [.absent, .own, .shared])
        #expect(assignment.bytes == [0, 1, 2])
        #expect(AdapterAssignment(bytes: assignment.bytes) == assignment)
        #expect(AdapterAssignment(bytes: [0, 3]) == nil)
    }

    @Test("settings outside their range are refused")
    func settings() {
        func code(_ settings: LoRASettings) -> LoRAError.Code? { refusal { try settings.validate() }?.code }
        #expect(code(LoRASettings()) == nil)
        #expect(LoRASettings(adapterRank: 4, alpha: 2).scale == 0.5)
        #expect(code(LoRASettings(adapterRank: 0)) == .badSetting)
        #expect(code(LoRASettings(adapterRank: -8)) == .badSetting)
        #expect(code(LoRASettings(alpha: 0)) == .badSetting)
        #expect(code(LoRASettings(alpha: .nan)) == .badSetting)
        #expect(code(LoRASettings(dropout: 1)) == .badSetting)
        #expect(code(LoRASettings(dropout: -0.1)) == .badSetting)
        #expect(code(LoRASettings(dropout: .nan)) == .badSetting)
        #expect(code(LoRASettings(targetModules: [])) == .badSetting)
    }
}
