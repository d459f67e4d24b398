//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Transformer

/// Which projection has which LoRA: one byte a projection, so that it travels as bytes.
package struct AdapterAssignment: Hashable, Sendable {
    /// What a projection has; raw values travel in messages.
    package enum Role: UInt8, Hashable, Sendable, CaseIterable {
        /// No LoRA: it is no target, or was dropped.
        case absent = 0
        /// A LoRA of its own.
        case own = 1
        /// The LoRA that all shared projections of its name use.
        case shared = 2
    }

    /// By the projection's index in the model.
    package let roles: [Role]

    package init(roles: [Role]) {
        self.roles = roles
    }

    /// Every target has a LoRA of its own: plain LoRA, and the probe.
    package init(ownTargets targets: [ProjectionDescription], projectionCount: Int) {
        self.init(
            targets: targets, kept: Set(targets.map(\.index)), sharesRest: false, projectionCount: projectionCount)
    }

    /// Targets in `kept` have a LoRA of their own; the others share one a name, or have none.
    package init(
        targets: [ProjectionDescription], kept: Set<Int>, sharesRest: Bool, projectionCount: Int
    ) {
        var roles = [Role](repeating: .absent, count: projectionCount)
        for target in targets {
            roles[target.index] = kept.contains(target.index) ? .own : sharesRest ? .shared : .absent
        }
        self.roles = roles
    }

    /// The roles' raw values.
    package var bytes: [UInt8] { roles.map(\.rawValue) }

    /// The assignment that these bytes mean, or nil where one of them means nothing.
    package init?(bytes: [UInt8]) {
        let roles = bytes.compactMap(Role.init(rawValue:))
        guard roles.count == bytes.count else { return nil }
        self.roles = roles
    }

    /// Whether any projection has a LoRA.
    package var hasLoRA: Bool { roles.contains { $0 != .absent } }

    package func count(of role: Role) -> Int { roles.count { $0 == role } }
}
