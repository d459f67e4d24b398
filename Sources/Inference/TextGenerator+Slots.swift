//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Generation
import Tensors
import Training

extension TextGenerator {
    /// Prompts that a slot goes on with at a time: enough that reading the weights is worth it.
    private static let groupSize = 16

    /// The tokens that follow each prompt, computed with `slots` threads; the result does not depend on their number.
    /// - Throws: As `generate(_:settings:workspace:)`.
    package func generate(_ prompts: [Prompt], settings: GenerationSettings, slots: Int) throws -> [[Int32]] {
        let groups = stride(from: 0, to: prompts.count, by: Self.groupSize).map {
            Array(prompts[$0..<min($0 + Self.groupSize, prompts.count)])
        }
        let pool = SlotPool(slotCount: slots)
        let results = GeneratedGroups(count: groups.count)
        try pool.forEach(count: groups.count) { _, group in
            // A workspace a group: texts are long, and so few groups that it costs nothing.
            results.set(group, try generate(groups[group], settings: settings, workspace: Workspace()))
        }
        return results.joined
    }
}
