//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// One row of a TSV or CSV file, as places in the file's bytes.
package struct DelimitedRecord: Sendable, Hashable {
    /// One field: where its bytes are, without enclosing quotes.
    package struct Field: Sendable, Hashable {
        package let range: Range<Int>
        /// Whether quotes inside are written doubled.
        package let hasDoubledQuotes: Bool
    }

    /// The line on which the row starts, from 1.
    package let line: Int
    package let fields: [Field]
}

/// Reads the rows of a TSV or CSV file one after the other.
///
/// A line ends at LF and nowhere else, and one CR before it is taken off: U+0085, U+2028 or a lone CR inside a sentence
/// stay where they are. With quoting (RFC 4180 §2), a field that begins with a double quote ends at the next one that
/// is not doubled and may hold line breaks; a quote further inside an unquoted field is an ordinary character. A blank
/// line is an error unless nothing but blank lines follows it.
package struct DelimitedRecords {
    private static let lineFeed: UInt8 = 0x0A
    private static let carriageReturn: UInt8 = 0x0D
    private static let quote: UInt8 = 0x22

    private let bytes: [UInt8]
    private let delimiter: UInt8
    private let quoting: Bool
    private let source: String
    private var position: Int
    private var line = 1

    /// - Parameters:
    ///   - bytes: well-formed UTF-8.
    ///   - start: where the first row begins, behind a byte order mark.
    ///   - delimiter: an ASCII character.
    ///   - source: the file's name in errors.
    package init(_ bytes: [UInt8], from start: Int = 0, delimiter: UInt8, quoting: Bool, source: String) {
        self.bytes = bytes
        self.position = start
        self.delimiter = delimiter
        self.quoting = quoting
        self.source = source
    }

    /// The next row; nil after the last.
    package mutating func next() throws(DatasetError) -> DelimitedRecord? {
        guard position < bytes.count else {
            return nil
        }
        if isBlankLine(at: position) {
            try requireOnlyBlankLines()
            return nil
        }
        let start = position
        let firstLine = line
        var fields: [DelimitedRecord.Field] = []
        var isLast = false
        while !isLast {
            if quoting, position < bytes.count, bytes[position] == Self.quote {
                fields.append(try quotedField(isLast: &isLast))
            } else {
                fields.append(plainField(isLast: &isLast))
            }
            if fields.count > DataLimits.fieldCount {
                throw DatasetError(
                    .tooLarge, source: source, line: firstLine,
                    "a row of more than \(DataLimits.fieldCount) fields")
            }
        }
        if position - start > DataLimits.recordByteCount {
            throw DatasetError(
                .tooLarge, source: source, line: firstLine,
                "a row of \(position - start) bytes, and at most \(DataLimits.recordByteCount) are read"
                    + (quoting ? "; is a quote missing?" : ""))
        }
        return DelimitedRecord(line: firstLine, fields: fields)
    }

    /// The text of a field.
    package func text(of field: DelimitedRecord.Field) -> String {
        guard field.hasDoubledQuotes else {
            return String(decoding: bytes[field.range], as: UTF8.self)
        }
        var unescaped: [UInt8] = []
        unescaped.reserveCapacity(field.range.count)
        var place = field.range.lowerBound
        while place < field.range.upperBound {
            unescaped.append(bytes[place])
            place += bytes[place] == Self.quote ? 2 : 1
        }
        return String(decoding: unescaped, as: UTF8.self)
    }

    /// A field up to the delimiter, the end of the line or of the file; moves behind what ends it.
    private mutating func plainField(isLast: inout Bool) -> DelimitedRecord.Field {
        let start = position
        while position < bytes.count, bytes[position] != delimiter, bytes[position] != Self.lineFeed {
            position += 1
        }
        var end = position
        if position < bytes.count, bytes[position] == delimiter {
            position += 1
        } else {
            isLast = true
            if end > start, bytes[end - 1] == Self.carriageReturn {
                end -= 1
            }
            endLine()
        }
        return DelimitedRecord.Field(range: start..<end, hasDoubledQuotes: false)
    }

    /// A field in quotes; moves behind the delimiter or the end of the line after it.
    private mutating func quotedField(isLast: inout Bool) throws(DatasetError) -> DelimitedRecord.Field {
        let openingLine = line
        position += 1
        let start = position
        var hasDoubledQuotes = false
        while true {
            guard position < bytes.count else {
                throw DatasetError(
                    .quoting, source: source, line: openingLine,
                    "a quoted field opens here and is not closed before the end of the file; "
                        + "if quotes are ordinary characters in this file, set task.quoting to false")
            }
            if bytes[position] == Self.quote {
                guard position + 1 < bytes.count, bytes[position + 1] == Self.quote else {
                    break
                }
                hasDoubledQuotes = true
                position += 1
            } else if bytes[position] == Self.lineFeed {
                line += 1
            }
            position += 1
        }
        let field = DelimitedRecord.Field(range: start..<position, hasDoubledQuotes: hasDoubledQuotes)
        position += 1
        if position < bytes.count, bytes[position] == delimiter {
            position += 1
            return field
        }
        if position < bytes.count, bytes[position] == Self.carriageReturn {
            position += 1
        }
        guard position == bytes.count || bytes[position] == Self.lineFeed else {
            throw DatasetError(
                .quoting, source: source, line: line,
                "text follows the closing quote of a field; expected a delimiter or the end of the line (a quote "
                    + "inside a quoted field is written twice); if quotes are ordinary characters here, "
                    + "set task.quoting to false"
            )
        }
        isLast = true
        endLine()
        return field
    }

    /// Steps over the line feed, if there is one.
    private mutating func endLine() {
        if position < bytes.count {
            position += 1
            line += 1
        }
    }

    private func isBlankLine(at place: Int) -> Bool {
        if bytes[place] == Self.lineFeed {
            return true
        }
        guard bytes[place] == Self.carriageReturn else {
            return false
        }
        return place + 1 == bytes.count || bytes[place + 1] == Self.lineFeed
    }

    private mutating func requireOnlyBlankLines() throws(DatasetError) {
        let firstBlank = line
        while position < bytes.count, isBlankLine(at: position) {
            position += bytes[position] == Self.carriageReturn ? 1 : 0
            endLine()
        }
        if position < bytes.count {
            throw DatasetError(
                .blankLine, source: source, line: firstBlank,
                "the line is blank, and rows follow it from line \(line); remove it, or give it its fields")
        }
    }
}
