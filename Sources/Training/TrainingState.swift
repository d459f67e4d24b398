//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Digests
import Foundation

/// Everything that a training step reads and writes: parameters, optimiser moments, and how far the training is.
///
/// Two workers with equal states go on with equal bits.
package struct TrainingState: Sendable, Hashable {
    package var phase: Phase
    /// Steps that are done: the next one has this 0-based number.
    package var step: Int
    /// The trainable parameters as one vector (`ParameterLayout`).
    package var parameters: [Float]
    /// AdamW's running mean of the gradient.
    package var firstMoment: [Float]
    /// AdamW's running mean of the squared gradient.
    package var secondMoment: [Float]

    package init(phase: Phase, step: Int, parameters: [Float], firstMoment: [Float], secondMoment: [Float]) {
        precondition(
            firstMoment.count == parameters.count && secondMoment.count == parameters.count && step >= 0,
            "\(parameters.count) parameters with \(firstMoment.count) and \(secondMoment.count) moments at step \(step)"
        )
        self.phase = phase
        self.step = step
        self.parameters = parameters
        self.firstMoment = firstMoment
        self.secondMoment = secondMoment
    }

    /// A state before the first step, with moments zero.
    package init(phase: Phase, initial parameters: [Float]) {
        let zeros = [Float](repeating: 0, count: parameters.count)
        self.init(phase: phase, step: 0, parameters: parameters, firstMoment: zeros, secondMoment: zeros)
    }

    /// SHA-256 over phase, step and all floats.
    package var digest: Digest {
        var hash = SHA256()
        hash.update([UInt64(phase.rawValue), UInt64(step), UInt64(parameters.count)])
        hash.update(parameters)
        hash.update(firstMoment)
        hash.update(secondMoment)
        return hash.finish()
    }

    /// The state as bytes, little-endian: phase, step and count as 64-bit integers, then the three vectors of floats.
    package var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(24 + 12 * parameters.count)
        for number in [UInt64(phase.rawValue), UInt64(step), UInt64(parameters.count)] {
            withUnsafeBytes(of: number.littleEndian) { result.append(contentsOf: $0) }
        }
        for vector in [parameters, firstMoment, secondMoment] {
            vector.withUnsafeBytes { result.append(contentsOf: $0) }
        }
        return result
    }

    /// Reads what `bytes` wrote.
    /// - Throws: `TrainingError` with `.wrongState`.
    package init(bytes: [UInt8]) throws(TrainingError) {
        func refuse(_ message: String) -> TrainingError {
            TrainingError(code: .wrongState, message: "a training state of \(bytes.count) bytes: \(message)")
        }
        guard bytes.count >= 24 else { throw refuse("it must have at least 24") }
        let numbers = (0..<3).map { place in
            (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[place * 8 + $1]) << (8 * UInt64($1)) }
        }
        guard let phase = UInt32(exactly: numbers[0]).flatMap(Phase.init(rawValue:)) else {
            throw refuse("phase \(numbers[0]) is unknown")
        }
        guard let step = Int(exactly: numbers[1]), let count = Int(exactly: numbers[2]), count <= Int.max / 16,
            bytes.count == 24 + 12 * count
        else {
            throw refuse("it says step \(numbers[1]) and \(numbers[2]) parameters, which would take another length")
        }
        func vector(_ place: Int) -> [Float] {
            bytes.withUnsafeBytes { raw in
                (0..<count).map {
                    Float(bitPattern: raw.loadUnaligned(fromByteOffset: 24 + 4 * (place * count + $0), as: UInt32.self))
                }
            }
        }
        self.init(phase: phase, step: step, parameters: vector(0), firstMoment: vector(1), secondMoment: vector(2))
        guard (parameters + firstMoment + secondMoment).allSatisfy(\.isFinite) else {
            throw refuse("it holds a value that is not finite")
        }
    }
}
