//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// Lines of text over a stream socket.
package enum LineSocket {
    /// Writes a line.
    /// - Returns: Whether the other end is still there.
    @discardableResult
    package static func write(_ line: String, to descriptor: Int32) -> Bool {
        let bytes = Array((line + "\n").utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Reads line by line, blocking.
    package struct Reader {
        private let descriptor: Int32
        private let limit: Int
        private var waiting: [UInt8] = []

        package init(descriptor: Int32, limit: Int) {
            self.descriptor = descriptor
            self.limit = limit
        }

        /// The next line; nil at the end of the stream, or if a line is longer than the limit.
        package mutating func next() -> String? {
            while true {
                if let end = waiting.firstIndex(of: 0x0A) {
                    let line = String(decoding: waiting[..<end], as: UTF8.self)
                    waiting.removeFirst(end + 1)
                    return line
                }
                guard waiting.count <= limit else { return nil }
                var piece = [UInt8](repeating: 0, count: 4096)
                let count = piece.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return nil }
                waiting += piece[..<count]
            }
        }
    }
}
