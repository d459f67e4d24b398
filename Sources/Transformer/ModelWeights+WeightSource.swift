//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Tensors

extension FrozenTensor: FrozenWeight {}

/// A model folder's safetensors as the source of an encoder's weights.
extension ModelWeights: WeightSource {
    package var location: String { folder }

    package func contains(_ name: String) -> Bool {
        self[name] != nil
    }

    /// The weight called `name`.
    /// - Throws: `TensorFileError`, naming file and tensor.
    package func weight(_ name: String, shape: [Int]) throws -> any FrozenWeight {
        try tensor(name, shape: shape)
    }
}
