//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension LogRecord {
    /// The longest event, message and text of values that a record has on its way, in bytes of UTF-8.
    package struct Limits: Sendable, Hashable {
        package var event = 128
        package var message = 8192
        package var fields = 16_384

        package init() {}
    }

    /// The record within limits: what does not fit is cut off, with a mark that says how much.
    ///
    /// A record is never left out because of what is in it.
    package func clipped(to limits: Limits = Limits()) -> LogRecord {
        var record = self
        let event = String(
            String.UnicodeScalarView(
                self.event.unicodeScalars.map { scalar in
                    scalar.value <= 0x20 || (0x7F...0xA0).contains(scalar.value) ? "_" : scalar
                }))
        record.event = event.isEmpty ? "event" : event.utf8Prefix(limits.event)
        if message.utf8.count > limits.message {
            // The mark has room for any count.
            let kept = message.utf8Prefix(limits.message - 64)
            record.message = kept + " … and \(message.utf8.count - kept.utf8.count) bytes more"
        }
        let fieldByteCount = fields.jsonText.utf8.count
        if fieldByteCount > limits.fields {
            record.fields = ["clipped_field_bytes": .integer(fieldByteCount)]
        }
        // Times before 1970, and counted from a machine's start, are not expected of any clock.
        record.wallNanoseconds = max(0, wallNanoseconds)
        record.monotonicNanoseconds = max(0, monotonicNanoseconds)
        return record
    }
}

extension String {
    /// As many whole characters of Unicode as fit into `byteCount` bytes of UTF-8.
    func utf8Prefix(_ byteCount: Int) -> String {
        guard utf8.count > byteCount else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: byteCount)
        while end > utf8.startIndex, utf8[end] & 0xC0 == 0x80 {
            end = utf8.index(before: end)
        }
        return String(self[..<end])
    }
}
