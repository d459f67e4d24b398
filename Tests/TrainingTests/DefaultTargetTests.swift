//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import LoRA
import Testing
import Training
import Transformer

struct DefaultTargetTests {
    @Test(
        "where no target modules are named, the model's family has its own",
        arguments: [
            ("small", ["query", "value"]), ("roberta/small", ["query", "value"]),
            ("electra/small", ["query", "value"]),
            ("xlm-roberta/small", ["query", "value"]), ("distilbert/small", ["q_lin", "v_lin"]),
        ])
    func family(model: String, targets: [String]) throws {
        let base = try BaseModel(folder: Vectors.model(model), trainPooler: false)
        let trainable = try base.trainable(lora: LoRASettings(targetModules: []), labelCount: 2, sharing: .trained)
        #expect(trainable.lora.targetModules == targets)
        #expect(trainable.targets.count == 4)
        #expect(trainable.targets.allSatisfy { target in targets.contains { target.path.hasSuffix("." + $0) } })
    }
}
