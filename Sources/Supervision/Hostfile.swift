//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// The machines of a run, one a line: `host` or `host slots=N`; `#` begins a comment.
///
///     # two racks
///     node1 slots=4
///     node2 slots=4
///     10.0.0.7        # one slot
///
/// A host is a name, an IPv4 or an IPv6 address (without brackets) as ssh takes it; slots are the shards that the
/// host's worker computes at a time, 1 where nothing is said.
package struct Hostfile: Sendable, Hashable {
    /// One machine.
    package struct Host: Sendable, Hashable {
        /// As ssh takes it.
        package let name: String
        /// Shards that its worker computes at a time, one thread each.
        package let slots: Int
        /// The line of the file that names it, from 1.
        package let line: Int

        package init(name: String, slots: Int, line: Int) {
            self.name = name
            self.slots = slots
            self.line = line
        }
    }

    /// In the file's order, at least one.
    package let hosts: [Host]

    /// More hosts or a longer file are a mistake, not a cluster.
    private static let largestByteCount = 1 << 20
    private static let slotRange = 1...4096

    /// - Throws: `.badSetup` with path and line.
    package init(contentsOf path: String) throws(SupervisionError) {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw SupervisionError(.badSetup, "\(path): the hostfile cannot be read: \(error.localizedDescription)")
        }
        guard bytes.count <= Self.largestByteCount, let text = String(validating: bytes, as: UTF8.self) else {
            throw SupervisionError(
                .badSetup,
                "\(path): expected a hostfile of at most \(Self.largestByteCount) bytes of UTF-8, one "
                    + "\"host slots=N\" a line; found \(bytes.count) bytes")
        }
        try self.init(parsing: text, path: path)
    }

    /// - Parameter path: What errors call the text.
    /// - Throws: `.badSetup` with path and line: a duplicate, a bad name, a bad count, an unknown key, no host at all.
    package init(parsing text: String, path: String) throws(SupervisionError) {
        var hosts: [Host] = []
        var lines: [String: Int] = [:]
        for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = raw.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard let name = words.first.map(String.init) else { continue }
            let place = "\(path):\(index + 1)"
            try Self.check(name, place: place)
            // Names of hosts do not tell upper case from lower case (RFC 4343).
            if let earlier = lines.updateValue(index + 1, forKey: name.lowercased()) {
                throw SupervisionError(
                    .badSetup,
                    "\(place): the host \(name) stands in line \(earlier) already; give a host once, with "
                        + "slots=N for the shards that it computes at a time")
            }
            hosts.append(Host(name: name, slots: try Self.slots(of: words.dropFirst(), place: place), line: index + 1))
        }
        guard !hosts.isEmpty else {
            throw SupervisionError(.badSetup, "\(path): expected at least one line \"host slots=N\", found none")
        }
        self.hosts = hosts
    }

    private static func slots(of words: ArraySlice<Substring>, place: String) throws(SupervisionError) -> Int {
        var slots: Int?
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == "slots" else {
                throw SupervisionError(
                    .badSetup,
                    "\(place): expected \"host slots=N\", found \"\(word)\" after the host; a comment begins "
                        + "with #")
            }
            guard let count = Int(parts[1]), slotRange.contains(count), slots == nil else {
                throw SupervisionError(
                    .badSetup,
                    "\(place): expected slots= once, with a number from \(slotRange.lowerBound) to "
                        + "\(slotRange.upperBound), found \"\(word)\"")
            }
            slots = count
        }
        return slots ?? 1
    }

    /// A name goes to ssh as an argument: one that begins with a dash would be an option.
    private static func check(_ name: String, place: String) throws(SupervisionError) {
        let isSound =
            name.utf8.count <= 253 && name.first != "-"
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: Array(".-_:%".utf8).contains(byte)
                }
            }
        guard isSound else {
            throw SupervisionError(
                .badSetup,
                "\(place): \"\(name.prefix(80))\" is no host: expected a name, an IPv4 or an IPv6 address; "
                    + "the user is given by --user")
        }
    }
}
