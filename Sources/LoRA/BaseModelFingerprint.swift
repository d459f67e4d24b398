//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Digests
package import Tensors

/// The identity of a base model's weights, which an adapter is bound to.
package enum BaseModelFingerprint {
    /// SHA-256 over all tensors in the order of their names: name, type, shape and bytes.
    ///
    /// How the tensors are cut into
    /// files, and in which order they lie there, does not matter. Reads all of them once.
    package static func of(_ weights: ModelWeights) -> Digest {
        var hash = SHA256()
        for name in weights.names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            guard let tensor = weights[name] else { continue }
            // Lengths come first, so that no two models give the same bytes.
            let texts = [name, tensor.dtype.rawValue, tensor.shape.map(String.init).joined(separator: ",")]
            for text in texts {
                hash.update([UInt64(text.utf8.count)])
                hash.update(text)
            }
            hash.update([UInt64(tensor.byteRange.count)])
            tensor.forEachPiece { hash.update($0) }
        }
        return hash.finish()
    }
}
