//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Transformer

/// Where each trained tensor lies in the one vector that holds them all.
///
/// The order: the LoRA of the projections that own theirs, by index; then the shared ones, by the first projection of
/// their name; then the head. Each LoRA is A before B. Optimiser, reduction and digests work on the whole vector.
package struct ParameterLayout: Hashable, Sendable {
    /// Tensors that are trained with one learning rate.
    package enum Group: Hashable, Sendable {
        case adapter, head
    }

    /// One trained tensor, [rows, columns] row by row; a bias is [1, columns] here and a vector in files.
    package struct Tensor: Hashable, Sendable {
        /// The name in `adapter_model.safetensors`; "shared.<name within the layer>.lora_A.weight" for a shared one,
        /// which files hold under every layer that uses it.
        package let name: String
        /// The shape in files.
        package let shape: [Int]
        package let range: Range<Int>
        package let group: Group

        var rowCount: Int { shape.count == 1 ? 1 : shape[0] }
        var columnCount: Int { shape[shape.count - 1] }
    }

    /// The two tensors of one LoRA, as indices in `tensors`.
    struct LoRATensors: Hashable, Sendable {
        let down: Int
        let up: Int
    }

    package let tensors: [Tensor]
    package let assignment: AdapterAssignment
    package let adapterRank: Int
    /// By the projection's index; shared ones have the same tensors.
    let places: [LoRATensors?]
    /// The head's dense layers: weight and bias as indices in `tensors`.
    let poolerPlace: (weight: Int, bias: Int?)?
    let classifierPlace: (weight: Int, bias: Int?)?
    /// The head's modules as an adapter's `modules_to_save` names them, without the classifier.
    let savedModules: [String]

    /// What PEFT puts before a module's path in its files.
    static let filePrefix = "base_model.model."

    /// - Parameters:
    ///   - projections: All projections of the model, in the order of their index.
    ///   - assignment: Which of them has which LoRA.
    package init(
        assignment: AdapterAssignment, adapterRank: Int, projections: [ProjectionDescription], head: HeadShape
    ) {
        precondition(
            assignment.roles.count == projections.count,
            "\(assignment.roles.count) roles for \(projections.count) projections")
        var builder = Builder(adapterRank: adapterRank)
        var places = [LoRATensors?](repeating: nil, count: projections.count)
        for projection in projections where assignment.roles[projection.index] == .own {
            places[projection.index] = builder.addLoRA(Self.filePrefix + projection.path, beside: projection)
        }
        var shared: [String: LoRATensors] = [:]
        for projection in projections where assignment.roles[projection.index] == .shared {
            if let known = shared[projection.name] {
                precondition(
                    builder.tensors[known.down].columnCount == projection.inputSize
                        && builder.tensors[known.up].rowCount == projection.outputSize,
                    "\(projection.path) [\(projection.outputSize), \(projection.inputSize)] is of another shape than "
                        + "the projections that it would share a LoRA with")
                places[projection.index] = known
            } else {
                let added = builder.addLoRA("shared." + projection.name, beside: projection)
                shared[projection.name] = added
                places[projection.index] = added
            }
        }
        poolerPlace = head.pooler.map { builder.add($0) }
        classifierPlace = head.classifier.map { builder.add($0) }
        tensors = builder.tensors
        self.assignment = assignment
        self.adapterRank = adapterRank
        self.places = places
        savedModules = head.savedModules
    }

    /// How many numbers are trained.
    package var count: Int { tensors.last?.range.upperBound ?? 0 }

    /// The numbers of a group; they lie together.
    package func range(of group: Group) -> Range<Int> {
        let split = tensors.first { $0.group == .head }?.range.lowerBound ?? count
        return group == .adapter ? 0..<split : split..<count
    }

    /// The tensor that holds the number at `index`, and the number's index within it: what errors name.
    package func location(of index: Int) -> (tensor: Tensor, index: Int) {
        precondition(index >= 0 && index < count, "parameter \(index) of \(count)")
        // Tensors lie end to end, so the first that ends behind the index holds it.
        let tensor = tensors[tensors.firstIndex { index < $0.range.upperBound } ?? tensors.count - 1]
        return (tensor, index - tensor.range.lowerBound)
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.tensors == right.tensors && left.assignment == right.assignment && left.adapterRank == right.adapterRank
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(tensors)
        hasher.combine(assignment)
    }

    private struct Builder {
        let adapterRank: Int
        var tensors: [Tensor] = []

        mutating func addLoRA(_ path: String, beside projection: ProjectionDescription) -> LoRATensors {
            let down = add(path + ".lora_A.weight", [adapterRank, projection.inputSize], .adapter)
            let up = add(path + ".lora_B.weight", [projection.outputSize, adapterRank], .adapter)
            return LoRATensors(down: down, up: up)
        }

        mutating func add(_ dense: HeadShape.Dense) -> (weight: Int, bias: Int?) {
            let path = ParameterLayout.filePrefix + dense.path
            let weight = add(path + ".weight", [dense.outputSize, dense.inputSize], .head)
            let bias = dense.hasBias ? add(path + ".bias", [dense.outputSize], .head) : nil
            return (weight, bias)
        }

        private mutating func add(_ name: String, _ shape: [Int], _ group: Group) -> Int {
            let start = tensors.last?.range.upperBound ?? 0
            tensors.append(
                Tensor(name: name, shape: shape, range: start..<start + shape.reduce(1, *), group: group))
            return tensors.count - 1
        }
    }
}
