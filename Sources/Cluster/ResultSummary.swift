//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import LoRA
import RunConfiguration
import RunRecords
import Training
import Transformer

/// What a finished run shows.
struct ResultSummary {
    let lines: [String]

    init(_ result: RunResult, preparation: RunPreparation, folder: RunFolder) {
        var lines = ["", "Layers"]
        lines += Self.table(of: result.decision, preparation: preparation)
        let kept = result.adapterParameterCount
        let full = result.fullAdapterParameterCount
        let percent = full == 0 ? 0 : 100 * Double(kept) / Double(full)
        lines.append("LoRA parameters: \(kept) of \(full) (\(Self.rounded(percent, decimals: 1)) %)")
        for (name, value) in result.evaluation.sorted(by: { $0.key < $1.key })
        where !name.hasSuffix("runtime") && !name.hasSuffix("per_second") {
            lines.append("\(name): \(Self.rounded(value))")
        }
        lines.append(
            "trained \(result.progress.step) steps in \(DurationText.words(seconds: result.progress.trainingSeconds))")
        lines.append("adapter: \(folder.adapter)")
        lines.append("results: \(folder.allResults)")
        self.lines = lines
    }

    /// A line for every layer (or module), in the order of the decision.
    static func table(of decision: LayerDecision, preparation: RunPreparation) -> [String] {
        let trainable = preparation.trainable
        let isMeasured = !preparation.settings.loraDropSettings.isDecidedBySettings
        let rest: String =
            switch trainable.sharing {
            case .trained: "shared"
            case .frozen: "shared, frozen"
            case .absent: "no LoRA"
            }
        return decision.candidates.map { candidate in
            let name =
                candidate.projections.count == 1 && decision.candidates.count > trainable.layerCount
                ? trainable.projections[candidate.projections[0]].path : "layer \(candidate.layer)"
            guard isMeasured else { return "  \(name)  \(candidate.isKept ? "kept" : rest), as configured" }
            let share = rounded(100 * candidate.share, decimals: 1)
            let bar = String(repeating: "#", count: Int((candidate.share * 40).rounded()))
            return "  \(name)  \(candidate.isKept ? "kept  " : rest)  importance \(share) %  \(bar)"
        }
    }

    /// A number with so many decimals.
    static func rounded(_ value: Double, decimals: Int = 4) -> String {
        String(format: "%.\(decimals)f", value)
    }
}

extension TrainableModel {
    /// Layers with a target.
    var layerCount: Int { Set(targets.map(\.layer)).count }
}
