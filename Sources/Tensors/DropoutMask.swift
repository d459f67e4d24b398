//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels
package import Randomness

/// Which elements of a module's input are dropped in one step: a pure function of the stream, the step, the example,
/// the token's place in it and the element, so that it does not matter which shard an example came with.
///
/// Element j of a token is dropped where word j % 4 of `stream.block([j / 4, token, example, step])`, as
/// `RandomStream.unitFloat`, is below the probability. Others are multiplied by 1/(1 - probability).
package struct DropoutMask: Sendable {
    /// Chance of being dropped, in [0, 1).
    package let probability: Float
    package let stream: RandomStream
    package let step: UInt32

    package init(probability: Float, stream: RandomStream, step: UInt32) {
        precondition(probability >= 0 && probability < 1, "a dropout of \(probability)")
        self.probability = probability
        self.stream = stream
        self.step = step
    }

    /// Writes the masked rows of `x` to `y`, which may be `x` itself.
    /// - Parameters:
    ///   - x: [tokens, columns], consecutive tokens of one example.
    ///   - firstToken: The first row's place in the example.
    ///   - example: The example's number in the data set.
    package func apply(_ x: Matrix, into y: Matrix, firstToken: Int, example: UInt32) {
        x.requireShape(of: y)
        withExtendedLifetime((x, y)) {
            ck_dropout(
                x.base, x.rowStride, y.base, y.rowStride, x.rowCount, x.columnCount, probability, stream.key.x,
                stream.key.y, UInt32(firstToken), example, step)
        }
    }
}
