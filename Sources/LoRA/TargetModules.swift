//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Spelling
package import Transformer

/// Which projections a list of target modules means: PEFT's rule for lists, by which a target is a path, or the end of
/// one behind a dot ("query" is every `….self.query`, "output.dense" is both dense outputs of a BERT layer).
package enum TargetModules {
    /// The projections that `targets` mean, in the order of their index.
    /// - Parameter otherLinears: Paths of the model's linear modules that belong to no layer ("bert.pooler.dense").
    ///   PEFT puts a LoRA on them too where a target matches; here that is refused, because the decision is about
    ///   layers, and an adapter with a LoRA there would not be the one PEFT makes of the same targets.
    /// - Throws: `LoRAError` with code `unknownTarget` or `unsupportedTarget`.
    package static func resolve(
        _ targets: [String], in projections: [ProjectionDescription], otherLinears: [String] = []
    ) throws(LoRAError) -> [ProjectionDescription] {
        for target in targets {
            if let path = otherLinears.first(where: { matches(target, $0) }) {
                throw LoRAError(
                    .unsupportedTarget,
                    "target module \(target) also matches \(path), which is in no layer and cannot have a LoRA; "
                        + "name the projections of the layers instead: "
                        + endings(of: projections.filter { matches(target, $0.path) }).joined(separator: ", "))
            }
            guard projections.contains(where: { matches(target, $0.path) }) else {
                let known = endings(of: projections)
                let near = NearNames.of(target, among: shortEndings(of: projections) + known)
                throw LoRAError(
                    .unknownTarget,
                    "target module \(target) matches no projection of this model; near it: "
                        + "\(near.joined(separator: ", ")); all: \(known.joined(separator: ", "))")
            }
        }
        return projections.filter { projection in targets.contains { matches($0, projection.path) } }
    }

    /// The projections of a model for sequence classification that `targets` mean.
    /// - Parameter trainsPooler: The pooler is trained as it is; then PEFT puts no LoRA on it, whatever the targets.
    /// - Throws: `LoRAError` with code `unknownTarget` or `unsupportedTarget`.
    package static func resolve(
        _ targets: [String], in configuration: any BaseConfiguration, trainsPooler: Bool
    ) throws(LoRAError) -> [ProjectionDescription] {
        try resolve(
            targets, in: configuration.projections,
            otherLinears: configuration.otherLinears(trainsPooler: trainsPooler))
    }

    /// Whether `target` means the module at `path`.
    package static func matches(_ target: String, _ path: String) -> Bool {
        !target.isEmpty && (path == target || path.hasSuffix(".\(target)"))
    }

    /// The names within a layer, each once, in the model's order.
    private static func endings(of projections: [ProjectionDescription]) -> [String] {
        var seen: Set<String> = []
        return projections.map(\.name).filter { seen.insert($0).inserted }
    }

    private static func shortEndings(of projections: [ProjectionDescription]) -> [String] {
        var seen: Set<String> = []
        return projections.compactMap { $0.name.split(separator: ".").last.map(String.init) }
            .filter { seen.insert($0).inserted }
    }
}
