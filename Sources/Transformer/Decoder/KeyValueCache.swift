//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

/// Keys and values of one text's tokens, layer by layer: what generation needs of the tokens before.
///
/// Used by one thread at a time.
package final class KeyValueCache {
    /// How many tokens there is room for.
    package let capacity: Int
    /// How many tokens all layers have.
    package private(set) var tokenCount = 0
    /// [capacity, key heads · headSize] each.
    private let layers: [(keys: Matrix, values: Matrix)]

    package init(_ configuration: DecoderConfiguration, capacity: Int) {
        self.capacity = capacity
        layers = (0..<configuration.layerCount).map { _ in
            (
                Matrix(rows: capacity, columns: configuration.keySize),
                Matrix(rows: capacity, columns: configuration.keySize)
            )
        }
    }

    /// Bytes of one token in all layers.
    package static func byteCount(_ configuration: DecoderConfiguration) -> Int {
        configuration.layerCount * 2 * configuration.keySize * MemoryLayout<Float>.stride
    }

    /// Becomes a copy of `other`, which has no more tokens than there is room for.
    package func copy(from other: KeyValueCache) {
        for (mine, its) in zip(layers, other.layers) {
            mine.keys.rows(0..<other.tokenCount).copy(from: its.keys.rows(0..<other.tokenCount))
            mine.values.rows(0..<other.tokenCount).copy(from: its.values.rows(0..<other.tokenCount))
        }
        tokenCount = other.tokenCount
    }

    /// Takes in a layer's keys and values of the tokens from `position` on.
    /// - Returns: Those of all tokens up to the last of them.
    func extend(layer: Int, from position: Int, keys: Matrix, values: Matrix) -> CausalAttention.Memory {
        let end = position + keys.rowCount
        precondition(
            position == tokenCount && end <= capacity,
            "tokens \(position)..<\(end) into a cache of \(tokenCount) of \(capacity)")
        layers[layer].keys.rows(position..<end).copy(from: keys)
        layers[layer].values.rows(position..<end).copy(from: values)
        return CausalAttention.Memory(
            keys: layers[layer].keys.rows(0..<end), values: layers[layer].values.rows(0..<end))
    }

    /// All layers have taken in so many tokens more.
    func advance(by count: Int) {
        tokenCount += count
    }
}
