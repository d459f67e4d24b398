//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
package import JSONText
import SecureTransport
import Tensors

/// What a figure was measured on: it says nothing without.
package struct MachineFacts: Sendable {
    package let processor: String
    package let coreCount: Int
    package let memoryBytes: UInt64
    package let system: String
    package let blas: String
    package let tls: String
    package let version: String

    /// Those of this machine and this program.
    package static var current: MachineFacts {
        MachineFacts(
            processor: field("model name", of: "/proc/cpuinfo") ?? "unknown",
            coreCount: ProcessInfo.processInfo.activeProcessorCount,
            memoryBytes: ProcessInfo.processInfo.physicalMemory,
            system: ProcessInfo.processInfo.operatingSystemVersionString, blas: BLAS.description,
            tls: TLSLibrary.version,
            version: BuildIdentity.version)
    }

    /// For people, a fact a line.
    package var lines: [String] {
        [
            "machine   \(processor), \(coreCount) cores, \(memoryBytes >> 30) GiB, \(system)",
            "versions  loradrop \(version); \(blas); \(tls)",
        ]
    }

    /// For programs.
    package var json: JSONValue {
        .object([
            JSONMember("processor", .string(processor)), JSONMember("cores", .integer(coreCount)),
            JSONMember("memory_bytes", .integer(memoryBytes)), JSONMember("system", .string(system)),
            JSONMember("blas", .string(blas)), JSONMember("tls", .string(tls)),
            JSONMember("loradrop", .string(version)),
        ])
    }

    /// The text behind the colon of the first line that begins with `name`.
    static func field(_ name: String, of file: String) -> String? {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        return line?.split(separator: ":", maxSplits: 1).last.map { $0.trimmingCharacters(in: .whitespaces) }
    }
}

/// This process's memory, as the kernel counts it.
enum ProcessMemory {
    /// The most that was resident at once, in bytes; nil where the kernel does not say.
    static var peakResidentBytes: Int? { kilobytes("VmHWM", of: "/proc/self/status") }

    /// Resident now, pages that several processes share divided among them.
    static var proportionalBytes: Int? { kilobytes("Pss", of: "/proc/self/smaps_rollup") }

    private static func kilobytes(_ name: String, of file: String) -> Int? {
        MachineFacts.field(name + ":", of: file)?.split(separator: " ").first.flatMap { Int($0) }.map { $0 << 10 }
    }
}
