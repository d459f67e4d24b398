//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Spelling

/// Finds what a misspelt key was probably meant to be.
enum NearestName {
    /// What users of other trainers write.
    private static let otherNames = [
        "num_train_epochs": "training.epochs",
        "per_device_train_batch_size": "training.batch_size",
        "max_grad_norm": "training.max_gradient_norm",
        "lr_scheduler_type": "training.schedule",
        "eval_steps": "training.evaluation_steps",
        "eval_strategy": "training.evaluation_strategy",
        "load_best_model_at_end": "training.load_best_at_end",
        "metric_for_best_model": "task.metric",
        "lora_alpha": "lora.alpha",
        "lora_dropout": "lora.dropout",
        "r": "lora.rank",
    ]

    /// The nearest key by edit distance, either of whole names or of the last parts alone.
    static func of(_ unknown: String) -> String {
        let unknown = String(unknown.lowercased().map { $0 == "-" ? "_" : $0 })
        let last = lastPart(unknown)
        if let name = otherNames[last] {
            return name
        }
        func cost(_ name: String) -> Int {
            // A key in the wrong section is one mistake more.
            min(NearNames.editDistance(unknown, name), NearNames.editDistance(last, lastPart(name)) + 1)
        }
        var nearest = (name: "", cost: Int.max)
        for option in ConfigurationOption.all {
            let cost = cost(option.name)
            if cost < nearest.cost {
                nearest = (option.name, cost)
            }
        }
        return nearest.name
    }

    private static func lastPart(_ name: String) -> String {
        name.split(separator: ".").last.map { String($0) } ?? name
    }
}
