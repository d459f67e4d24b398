//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// How many parameters LoRA-drop trains in a model of square projections, and what a step does without.
package struct AdapterShape: Hashable, Sendable {
    package var layerCount: Int
    /// Inputs and outputs of a projection that has a LoRA.
    package var hiddenSize: Int
    /// Projections of a layer that have a LoRA.
    package var targetCount: Int
    package var adapterRank: Int
    /// Parameters of the trained head.
    package var headParameterCount: Int
    /// Which part of the layers keeps a LoRA of its own, from 0 to 1; the others share one.
    package var keptShare: Double

    /// - Precondition: Counts above zero, a share from 0 to 1.
    package init(
        layerCount: Int, hiddenSize: Int, targetCount: Int, adapterRank: Int, headParameterCount: Int, keptShare: Double
    ) {
        precondition(
            layerCount > 0 && hiddenSize > 0 && targetCount > 0 && adapterRank > 0 && headParameterCount >= 0
                && (0...1).contains(keptShare),
            "\(layerCount) layers of \(hiddenSize), \(targetCount) targets, r = \(adapterRank), \(keptShare) kept")
        self.layerCount = layerCount
        self.hiddenSize = hiddenSize
        self.targetCount = targetCount
        self.adapterRank = adapterRank
        self.headParameterCount = headParameterCount
        self.keptShare = keptShare
    }

    /// The layers with a LoRA of their own: the share, rounded to a whole number.
    package var keptLayerCount: Int { Int((Double(layerCount) * keptShare).rounded()) }

    /// A and B of all targets of a layer.
    package var parametersPerLayer: Int { targetCount * 2 * hiddenSize * adapterRank }

    /// Of plain LoRA, without the head.
    package var allParameterCount: Int { layerCount * parametersPerLayer }

    /// Of LoRA-drop, without the head: the layers that are kept, and the one LoRA that the others share.
    package var keptParameterCount: Int { min(keptLayerCount + 1, layerCount) * parametersPerLayer }

    /// Operations a token of an encoder with a feed-forward block of four times the hidden size, forward and backward.
    ///
    /// 24·h² a layer each way, but of the last layer only keys and values are computed for every token, and below the
    /// first layer's LoRAs no gradient is; 12·h·r a LoRA. Attention's pairs and the head are left out, a few per cent:
    /// `bench step` counts them all (`NecessaryOperations`).
    package var operationsPerToken: Double {
        let square = Double(hiddenSize * hiddenSize)
        let frozen = 2 * square * max(24 * Double(layerCount) - 23, 1)
        return frozen + 12 * Double(hiddenSize * adapterRank * targetCount * layerCount)
    }

    /// What LoRA-drop saves on some number of workers.
    package struct Saving: Hashable, Sendable {
        /// With a LoRA in every layer.
        package let all: ExchangeFormula
        /// With those that are kept.
        package let kept: ExchangeFormula

        /// What a worker need not send a step, in bytes, on average.
        package var bytesPerWorker: Double { all.bytesPerWorker - kept.bytesPerWorker }
        /// The same as a part of what it would send; 0 where nothing is sent.
        package var share: Double { all.bytesPerWorker > 0 ? bytesPerWorker / all.bytesPerWorker : 0 }
    }

    /// Compares the exchange of a step with all LoRAs and with those that are kept.
    /// - Parameter model: Everything else; how many parameters it trains does not matter.
    package func saving(_ model: StepTimeModel, workerCount: Int) -> Saving {
        func exchange(_ count: Int) -> ExchangeFormula {
            var workload = model.workload
            workload.parameterCount = count + headParameterCount
            let changed = StepTimeModel(workload, over: model.link)
            return ExchangeFormula(changed.plan(workerCount: workerCount), over: model.link)
        }
        return Saving(all: exchange(allParameterCount), kept: exchange(keptParameterCount))
    }
}
