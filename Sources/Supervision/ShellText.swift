//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Words for a POSIX shell.
package enum ShellText {
    /// One word that a shell reads as `text`, whatever is in it.
    package static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: Array("-_./:=@%+,".utf8).contains(byte)
            }
        }
        if plain, !text.isEmpty { return text }
        // A quote ends the quoted text, stands for itself behind a backslash, and begins it anew.
        return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    /// A command line of words.
    package static func line(_ words: [String]) -> String {
        words.map(quoted).joined(separator: " ")
    }

    /// A path for a shell on a host: `~/` at its start is the home folder there, all else stands for itself.
    package static func path(_ path: String) -> String {
        if path == "~" { return "\"$HOME\"" }
        return path.hasPrefix("~/") ? "\"$HOME\"/" + quoted(String(path.dropFirst(2))) : quoted(path)
    }
}
