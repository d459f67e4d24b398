//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Randomness
package import Tensors
package import Transformer

/// How a head starts.
package struct HeadInitialisation: Sendable {
    /// Standard deviation of new weights (`initializer_range` of config.json); new biases are zero.
    package var standardDeviation: Float
    /// Tensors that are taken as they are, under their names in the base model ("classifier.weight").
    package var known: [String: [Float]]

    package init(standardDeviation: Float, known: [String: [Float]] = [:]) {
        self.standardDeviation = standardDeviation
        self.known = known
    }

    /// Takes the head's tensors from the base model where it has both of a layer in the right shapes, as transformers
    /// does; a folder's classifier for another number of labels is no use.
    package init(standardDeviation: Float, head: HeadShape, base: ModelWeights) throws {
        self.init(standardDeviation: standardDeviation)
        for dense in head.layers {
            let (weight, bias) = (dense.path + ".weight", dense.path + ".bias")
            let needed =
                [(weight, [dense.outputSize, dense.inputSize])] + (dense.hasBias ? [(bias, [dense.outputSize])] : [])
            guard needed.allSatisfy({ base[$0.0]?.shape == $0.1 }) else { continue }
            for (name, shape) in needed {
                let tensor = try base.tensor(name, shape: shape)
                try tensor.requireFinite()
                known[name] = tensor.values
            }
        }
    }
}

extension ParameterLayout {
    /// The vector that a training starts from.
    ///
    /// A is uniform in ±1/√in (Kaiming-uniform with a = √5, PEFT's default), B is zero, so that ΔW = 0. A projection's
    /// draws are keyed by its own index and a shared LoRA's by its first namesake in the model: they do not depend on
    /// which layers were kept.
    /// - Parameters:
    ///   - phase: The training's number, which enters every key.
    ///   - projections: All projections of the model.
    package func initialValues(
        seed: UInt64, phase: UInt32, projections: [ProjectionDescription], head: HeadInitialisation
    ) -> [Float] {
        var values = [Float](repeating: 0, count: count)
        func set(_ tensor: Int, _ elements: [Float]) {
            let range = tensors[tensor].range
            precondition(elements.count == range.count, "\(elements.count) values for \(tensors[tensor].name)")
            values.replaceSubrange(range, with: elements)
        }
        for projection in projections {
            guard let place = places[projection.index] else { continue }
            let index = drawIndex(of: projection, among: projections)
            let bound = 1 / Float(projection.inputSize).squareRoot()
            let stream = RandomStream(seed: seed, purpose: .adapterInitialisation, phase: phase, index: index)
            set(place.down, stream.uniform(count: tensors[place.down].range.count, low: -bound, high: bound))
        }
        for (index, place) in [poolerPlace, classifierPlace].enumerated() {
            guard let place else { continue }
            let stream = RandomStream(seed: seed, purpose: .headInitialisation, phase: phase, index: UInt32(index))
            let weights = tensors[place.weight]
            set(
                place.weight,
                head.known[baseName(of: weights)]
                    ?? stream.normal(count: weights.range.count, standardDeviation: head.standardDeviation))
            if let bias = place.bias, let known = head.known[baseName(of: tensors[bias])] {
                set(bias, known)
            }
        }
        return values
    }

    /// The start of a training from the adapter that the probe left: projections with a LoRA of their own go on with
    /// theirs, a shared one starts from the mean of those of the projections that will use it (of A and of B, each for
    /// itself), and the head is new.
    /// - Parameters:
    ///   - fresh: `initialValues` of this layout.
    ///   - probe: The probe's vector; in its layout every target has a LoRA of its own, of the same rank.
    package func warmValues(fresh: [Float], probe: [Float], probeLayout: ParameterLayout) -> [Float] {
        precondition(fresh.count == count && probe.count == probeLayout.count, "vectors of other layouts")
        var sums: [Int: [Double]] = [:]
        var users: [Int: Int] = [:]
        for (place, probePlace) in zip(places, probeLayout.places) {
            guard let place, let probePlace else {
                precondition(place == nil, "a LoRA that the probe does not have")
                continue
            }
            for (target, source) in [(place.down, probePlace.down), (place.up, probePlace.up)] {
                let elements = probe[probeLayout.tensors[source].range].map(Double.init)
                let sum = sums[target] ?? [Double](repeating: 0, count: elements.count)
                precondition(sum.count == elements.count, "\(tensors[target].name) has another shape in the probe")
                sums[target] = zip(sum, elements).map { $0 + $1 }
                users[target, default: 0] += 1
            }
        }
        var values = fresh
        for (target, sum) in sums {
            let count = Double(users[target] ?? 1)
            values.replaceSubrange(tensors[target].range, with: sum.map { Float($0 / count) })
        }
        return values
    }

    private func drawIndex(of projection: ProjectionDescription, among projections: [ProjectionDescription]) -> UInt32 {
        guard assignment.roles[projection.index] == .shared else { return UInt32(projection.index) }
        let first = projections.first { $0.name == projection.name }?.index ?? projection.index
        return 1 << 31 | UInt32(first)
    }

    private func baseName(of tensor: Tensor) -> String {
        String(tensor.name.dropFirst(Self.filePrefix.count))
    }
}
