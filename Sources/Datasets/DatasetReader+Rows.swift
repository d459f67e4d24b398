//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import JSONText

extension DatasetReader {
    /// Examples as they are collected, with the line of each.
    struct Rows {
        var examples: [Example] = []
        var lines: [Int] = []
    }

    /// A column the task reads, found in a file.
    private struct Place {
        let selector: ColumnSelector
        let index: Int
    }

    /// The rows of a TSV or CSV file.
    func delimitedRows(of records: DelimitedRecords, source: String) throws(DatasetError) -> Rows {
        var records = records
        var header: [String]?
        if options.header {
            guard let record = try records.next() else {
                throw DatasetError(.empty, source: source, "the file has no row")
            }
            header = record.fields.map { records.text(of: $0) }
        }
        let columns = options.columns
        func places(_ template: TextTemplate, key: String) throws(DatasetError) -> [Place] {
            var places: [Place] = []
            for selector in template.columns {
                places.append(
                    try place(of: selector, key: template.isColumn ? key : nil, header: header, source: source))
            }
            return places
        }
        let text = try places(columns.text, key: "text")
        let pair = try columns.textPair.map { template throws(DatasetError) in try places(template, key: "text_pair") }
        let label = try columns.label.map { selector throws(DatasetError) in
            try place(of: selector, key: "label", header: header, source: source)
        }
        let highest = (text + (pair ?? [])).map(\.index).reduce(label?.index ?? 0, max)
        var rows = Rows()
        while let record = try records.next() {
            try requireFieldCount(of: record, highest: highest, header: header, source: source)
            try append(
                to: &rows, line: record.line, source: source,
                text: columns.text.filled(text.map { records.text(of: record.fields[$0.index]) }),
                pair: columns.textPair.map { template in
                    template.filled((pair ?? []).map { records.text(of: record.fields[$0.index]) })
                },
                label: label.map { records.text(of: record.fields[$0.index]) })
        }
        return rows
    }

    private func place(
        of selector: ColumnSelector, key: String?, header: [String]?, source: String
    ) throws(DatasetError) -> Place {
        let name = key.map { "task.columns.\($0)" } ?? "a column of a template"
        if let header {
            let matches = header.indices.filter { header[$0] == selector.text }
            if matches.count > 1 {
                throw DatasetError(
                    .description, source: source, line: 1,
                    "the header names \(matches.count) columns \"\(selector)\"; "
                        + "give \(name) as a 0-based number, one of \(matches)")
            }
            if let index = matches.first ?? selector.number.flatMap({ $0 < header.count ? $0 : nil }) {
                return Place(selector: selector, index: index)
            }
            throw DatasetError(
                .description, source: source, line: 1,
                "\(name) is \"\(selector)\", and the header has the \(header.count) columns "
                    + header.map { "\"\($0)\"" }.joined(separator: ", ")
                    + "; set task.header to false if the first line is a row")
        }
        guard let index = selector.number, index < DataLimits.fieldCount else {
            throw DatasetError(
                .description, source: source,
                "\(name) is \"\(selector)\"; a file without header has columns by 0-based number only")
        }
        return Place(selector: selector, index: index)
    }

    /// With a header, each row has its number of fields: one more comes of a delimiter inside a text, which would be
    /// cut.
    private func requireFieldCount(
        of record: DelimitedRecord, highest: Int, header: [String]?, source: String
    ) throws(DatasetError) {
        let found = record.fields.count
        if let header, found != header.count {
            throw DatasetError(
                .fields, source: source, line: record.line,
                "expected \(header.count) fields, as the header has, found \(found)")
        }
        if found <= highest {
            throw DatasetError(
                .fields, source: source, line: record.line,
                "expected at least \(highest + 1) fields (column \(highest) is read), found \(found)")
        }
    }

    /// The rows of a JSONL file.
    func objectRows(of bytes: [UInt8], from start: Int, source: String) throws(DatasetError) -> Rows {
        var rows = Rows()
        var position = start
        var line = 0
        var blankLine: Int?
        while position < bytes.count {
            line += 1
            let end = bytes[position...].firstIndex(of: 0x0A) ?? bytes.count
            let range = position..<end
            position = end + 1
            if bytes[range].allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) {
                blankLine = blankLine ?? line
                continue
            }
            if let blankLine {
                throw DatasetError(
                    .blankLine, source: source, line: blankLine,
                    "the line is blank, and rows follow it from line \(line); remove it")
            }
            guard range.count <= DataLimits.recordByteCount else {
                throw DatasetError(
                    .tooLarge, source: source, line: line,
                    "a line of \(range.count) bytes, and at most \(DataLimits.recordByteCount) are read")
            }
            try appendObject(to: &rows, bytes: bytes, range: range, line: line, source: source)
        }
        return rows
    }

    private func appendObject(
        to rows: inout Rows, bytes: [UInt8], range: Range<Int>, line: Int, source: String
    ) throws(DatasetError) {
        let members = try members(bytes, in: range, line: line, source: source)
        func value(of selector: ColumnSelector, key: String) throws(DatasetError) -> JSONValue {
            guard let member = members.first(where: { $0.key == selector.text }) else {
                throw DatasetError(
                    .fields, source: source, line: line,
                    "the object has no key \"\(selector)\" (task.columns.\(key)); found "
                        + (members.isEmpty ? "none" : members.map { "\"\($0.key)\"" }.joined(separator: ", ")))
            }
            return member.value
        }
        func text(of template: TextTemplate, key: String) throws(DatasetError) -> String {
            var texts: [String] = []
            for selector in template.columns {
                guard case .string(let text) = try value(of: selector, key: key) else {
                    throw DatasetError(
                        .fields, source: source, line: line,
                        "the value of \"\(selector)\" (task.columns.\(key)) is not a string")
                }
                texts.append(text)
            }
            return template.filled(texts)
        }
        func label(of selector: ColumnSelector) throws(DatasetError) -> String {
            switch try value(of: selector, key: "label") {
            case .string(let label), .number(let label): return label
            case .boolean(let label): return label ? "true" : "false"
            case .null, .array, .object:
                throw DatasetError(
                    .label, source: source, line: line,
                    "the value of \"\(selector)\" (task.columns.label) is neither a string nor a number")
            }
        }
        let columns = options.columns
        try append(
            to: &rows, line: line, source: source,
            text: text(of: columns.text, key: "text"),
            pair: columns.textPair.map { template throws(DatasetError) in try text(of: template, key: "text_pair") },
            label: columns.label.map { selector throws(DatasetError) in try label(of: selector) })
    }

    private func members(
        _ bytes: [UInt8], in range: Range<Int>, line: Int, source: String
    ) throws(DatasetError) -> [JSONMember] {
        let hint = line == 1 ? "; a JSONL file has one whole object a line" : ""
        do {
            if let members = try JSONParser.parse(bytes, in: range).members {
                return members
            }
        } catch {
            throw DatasetError(
                .json, source: source, line: line, "byte \(error.offset + 1) of the line: \(error.message)\(hint)")
        }
        throw DatasetError(.json, source: source, line: line, "the line is JSON, but not an object in braces\(hint)")
    }

    private func append(
        to rows: inout Rows, line: Int, source: String, text: String, pair: String?, label: String?
    ) throws(DatasetError) {
        guard let index = UInt32(exactly: rows.examples.count) else {
            throw DatasetError(.tooLarge, source: source, line: line, "more than \(UInt32.max) rows")
        }
        let parsed = try label.map { label throws(DatasetError) in
            try parse(label: label, line: line, source: source)
        }
        rows.examples.append(Example(index: index, text: text, pair: pair, label: parsed))
        rows.lines.append(line)
    }

    private func parse(label: String, line: Int, source: String) throws(DatasetError) -> Label {
        switch options.kind {
        case .classification, .generation:
            guard !label.isEmpty else {
                throw DatasetError(.label, source: source, line: line, "the label is empty")
            }
            return .category(label)
        case .regression:
            // Swift's own parser would also take "nan", "inf" and hexadecimal numbers.
            let isDecimal = label.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) }
            guard isDecimal, let score = Float(label), score.isFinite else {
                throw DatasetError(
                    .score, source: source, line: line,
                    "expected a finite decimal number as the score, found \"\(label)\"")
            }
            return .score(score)
        }
    }
}
