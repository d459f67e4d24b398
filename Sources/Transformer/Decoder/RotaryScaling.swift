//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// How far the rotary embeddings turn: the keys `rope_parameters` (transformers 5) or `rope_theta` and `rope_scaling`
/// (before) of config.json, as transformers' modeling_rope_utils reads them.
package struct RotaryScaling: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case standard
        /// Frequencies divided by `factor`.
        case linear(factor: Double)
        /// A larger base for sequences longer than the model was made for, by their length.
        case dynamic(factor: Double)
        /// High frequencies kept, low ones divided, smooth in between: Llama 3.1.
        case llama3(factor: Double, lowFactor: Double, highFactor: Double, originalPositions: Int)
        /// The same by a ramp over the columns, and a factor on the attention: Peng et al., arXiv:2309.00071.
        case yarn(factor: Double, fast: Double, slow: Double, originalPositions: Int, truncates: Bool)
    }

    package let kind: Kind
    /// The base of the frequencies, `rope_theta`.
    package let base: Double
    /// What cosines and sines are multiplied with.
    package let attentionFactor: Float
    /// `max_position_embeddings`.
    package let positionCount: Int

    /// - Throws: `TransformerError` for a scaling that is not supported or parameters that are absent.
    init(_ reader: ConfigurationReader, positionCount: Int) throws(TransformerError) {
        // One object today, two keys before; files of either kind are about.
        let parameters =
            if let parameters = try reader.object("rope_parameters") { parameters } else {
                try reader.object("rope_scaling")
            }
        let outerBase = reader.has("rope_theta") ? try reader.number("rope_theta") : 10_000
        base =
            if let parameters, parameters.has("rope_theta") { try parameters.number("rope_theta") } else { outerBase }
        self.positionCount = positionCount
        guard base > 1 else {
            throw TransformerError(.badConfiguration, "\(reader.file): rope_theta is \(base), expected more than 1")
        }
        guard let parameters else {
            kind = .standard
            attentionFactor = 1
            return
        }
        if parameters.has("partial_rotary_factor"), try parameters.number("partial_rotary_factor") != 1 {
            throw TransformerError(
                .unsupportedModel, "\(parameters.file): partial_rotary_factor is not 1; only whole heads are turned")
        }
        let name =
            if parameters.has("rope_type") { try parameters.string("rope_type") } else if parameters.has("type") {
                try parameters.string("type")
            } else { "default" }
        let known = ["default", "linear", "dynamic", "llama3", "yarn"]
        guard known.contains(name) else {
            throw TransformerError(
                .unsupportedModel,
                "\(parameters.file): the scaling \"\(name)\" is not supported; supported are "
                    + known.map { "\"\($0)\"" }.joined(separator: ", "))
        }
        if name == "default" {
            kind = .standard
            attentionFactor = 1
            return
        }
        func positive(_ key: String, absent: Double? = nil) throws(TransformerError) -> Double {
            let value = if let absent, !parameters.has(key) { absent } else { try parameters.number(key) }
            guard value > 0 else {
                throw TransformerError(
                    .badConfiguration, "\(parameters.file): \(key) is \(value), expected more than 0")
            }
            return value
        }
        let factor = try positive("factor")
        let original = try parameters.count("original_max_position_embeddings", absent: positionCount)
        switch name {
        case "linear":
            kind = .linear(factor: factor)
            attentionFactor = 1
        case "dynamic":
            kind = .dynamic(factor: factor)
            attentionFactor = 1
        case "llama3":
            let (low, high) = (try positive("low_freq_factor"), try positive("high_freq_factor"))
            guard low < high else {
                throw TransformerError(
                    .badConfiguration,
                    "\(parameters.file): low_freq_factor \(low) is not below high_freq_factor \(high)")
            }
            kind = .llama3(factor: factor, lowFactor: low, highFactor: high, originalPositions: original)
            attentionFactor = 1
        default:
            kind = .yarn(
                factor: factor, fast: try positive("beta_fast", absent: 32), slow: try positive("beta_slow", absent: 1),
                originalPositions: original, truncates: try parameters.truth("truncate", absent: true))
            attentionFactor = Float(try Self.yarnAttentionFactor(parameters, factor: factor))
        }
    }

    private static func yarnAttentionFactor(
        _ parameters: ConfigurationReader, factor: Double
    ) throws(TransformerError) -> Double {
        if parameters.has("attention_factor") {
            return try parameters.number("attention_factor")
        }
        func scale(_ weight: Double) -> Double { factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1 }
        guard parameters.has("mscale"), parameters.has("mscale_all_dim") else { return scale(1) }
        let (numerator, denominator) = (try parameters.number("mscale"), try parameters.number("mscale_all_dim"))
        return numerator != 0 && denominator != 0 ? scale(numerator) / scale(denominator) : scale(1)
    }

    /// The longest sequence that the model is asked to read.
    var longestSequence: Int {
        if case .dynamic(let factor) = kind { Int(Double(positionCount) * max(factor, 1)) } else { positionCount }
    }

    /// Whether a sequence of this length has frequencies of its own.
    func isOwn(length: Int) -> Bool {
        if case .dynamic = kind { length > positionCount } else { false }
    }

    /// Radians a position, one a pair of a head's columns.
    /// - Parameter length: Of the sequence; only the dynamic scaling reads it.
    package func inverseFrequencies(headSize: Int, length: Int) -> [Float] {
        let half = headSize / 2
        func plain(base: Double) -> [Double] {
            (0..<half).map { 1 / pow(base, Double(2 * $0) / Double(headSize)) }
        }
        switch kind {
        case .standard:
            return plain(base: base).map { Float($0) }
        case .linear(let factor):
            return plain(base: base).map { Float($0 / factor) }
        case .dynamic(let factor):
            let reach = Double(max(length, positionCount)) / Double(positionCount)
            let stretch = pow(factor * reach - (factor - 1), Double(headSize) / Double(headSize - 2))
            return plain(base: base * stretch).map { Float($0) }
        case .llama3(let factor, let low, let high, let original):
            return plain(base: base).map { frequency in
                let turns = Double(original) * frequency / (2 * .pi)
                if turns < low { return Float(frequency / factor) }
                if turns > high { return Float(frequency) }
                let smooth = (turns - low) / (high - low)
                return Float((1 - smooth) * frequency / factor + smooth * frequency)
            }
        case .yarn(let factor, let fast, let slow, let original, let truncates):
            func column(_ rotations: Double) -> Double {
                Double(headSize) * log(Double(original) / (rotations * 2 * .pi)) / (2 * log(base))
            }
            let (first, last) = (column(fast), column(slow))
            let low = max(truncates ? first.rounded(.down) : first, 0)
            let bound = min(truncates ? last.rounded(.up) : last, Double(headSize - 1))
            let high = low == bound ? bound + 0.001 : bound
            return plain(base: base).enumerated().map { place, frequency in
                let divided = min(max((Double(place) - low) / (high - low), 0), 1)
                return Float(frequency / factor * divided + frequency * (1 - divided))
            }
        }
    }
}
