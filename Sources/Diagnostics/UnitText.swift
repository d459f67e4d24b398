//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// Numbers with units, for people.
enum UnitText {
    static func bytes(_ count: Int) -> String {
        if count >= 1 << 30 { return String(format: "%.1f GiB", Double(count) / Double(1 << 30)) }
        return String(format: "%.0f MiB", Double(count) / Double(1 << 20))
    }

    static func seconds(_ value: Double) -> String {
        if abs(value) >= 1 { return String(format: "%.1f s", value) }
        return String(format: abs(value) >= 0.01 ? "%.0f ms" : "%.2f ms", value * 1000)
    }

    static func bandwidth(_ bytesPerSecond: Double) -> String {
        let bits = bytesPerSecond * 8
        if bits >= 1e9 { return String(format: "%.1f Gbit/s", bits / 1e9) }
        return String(format: bits >= 1e7 ? "%.0f Mbit/s" : "%.2f Mbit/s", bits / 1e6)
    }
}
