//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Foundation
import Testing

/// Parses a text as a file of the given name.
func parse(
    _ text: String, as source: String, header: Bool = false, quoting: Bool? = nil, text textColumn: String = "0",
    pair: String? = nil, label: String? = "1", kind: TaskKind = .classification
) throws -> Dataset {
    try DatasetReader(
        DatasetOptions(
            header: header, quoting: quoting,
            columns: DataColumns(
                text: ColumnSelector(textColumn), textPair: pair.map { ColumnSelector($0) },
                label: label.map { ColumnSelector($0) }),
            kind: kind)
    ).parse(Array(text.utf8), source: source)
}

/// Expects an error of a code whose description holds all of the given parts.
func expectError(_ code: DatasetError.Code, _ parts: String..., from body: () throws -> Dataset) {
    do {
        let dataset = try body()
        Issue.record("expected \(code), read \(dataset.examples.count) rows")
    } catch let error as DatasetError {
        #expect(error.code == code, "\(error)")
        for part in parts {
            #expect(error.description.contains(part), "\(error) lacks \(part)")
        }
    } catch {
        Issue.record("unexpected \(error)")
    }
}

@Suite("Reading TSV, CSV and JSONL")
struct DatasetReaderTests {
    @Test("TSV without header: columns by number, quotes are ordinary characters, rows keep their order and line")
    func tsvByNumber() throws {
        let data = try parse("gj04\t1\t\tHe said \"no.\ngj04\t0\t*\tA \"B\" C.\r\n", as: "a.tsv", text: "3")
        #expect(
            data.examples == [
                Example(index: 0, text: "He said \"no.", label: .category("1")),
                Example(index: 1, text: "A \"B\" C.", label: .category("0")),
            ])
        #expect(data.lines == [1, 2])
    }

    @Test("a header names columns, with a byte order mark before it; a name that is a number wins over the number")
    func header() throws {
        let data = try parse(
            "\u{FEFF}Quality\t#1 String\t#2 String\n1\ta\tb\n", as: "a.tsv", header: true, text: "#1 String",
            pair: "#2 String", label: "Quality")
        #expect(data.examples == [Example(index: 0, text: "a", pair: "b", label: .category("1"))])
        #expect(data.lines == [2])
        let numbered = try parse("1\t0\nx\ty\n", as: "a.tsv", header: true, text: "0", label: nil)
        #expect(numbered.examples[0].text == "y")
        let byNumber = try parse("a\tb\nx\ty\n", as: "a.tsv", header: true, text: "1", label: nil)
        #expect(byNumber.examples[0].text == "y")
    }

    @Test("only LF ends a line: U+0085, U+2028, vertical tabs, a lone CR and a late byte order mark stay in the text")
    func lineEnds() throws {
        let text = "a\u{85}b\u{2028}c\u{0B}d\re\u{FEFF}f"
        #expect(try parse("\(text)\t1\n", as: "a.tsv").examples[0].text == text)
        #expect(try parse("a\r\r\n", as: "a.tsv", label: nil).examples[0].text == "a\r")
        #expect(try parse("a\t1", as: "a.tsv").examples.count == 1)
        #expect(try parse("a\t1\r", as: "a.tsv").examples[0].label == .category("1"))
    }

    @Test("CSV after RFC 4180: quoted commas, doubled quotes, line breaks in quotes, CRLF, empty fields")
    func csv() throws {
        let data = try parse(
            "text,label\r\n\"a, \"\"b\"\"\r\nc\",x\r\n\"\",y\r\nd \"e\",\"z\"", as: "a.csv", header: true, text: "text",
            label: "label")
        #expect(data.examples.map(\.text) == ["a, \"b\"\r\nc", "", "d \"e\""])
        #expect(data.examples.map(\.label) == [.category("x"), .category("y"), .category("z")])
        #expect(data.lines == [2, 4, 5])
    }

    @Test("quoting can be turned on for TSV and off for CSV")
    func quotingOption() throws {
        #expect(try parse("\"a\tb\"\t1\n", as: "a.tsv", quoting: true).examples[0].text == "a\tb")
        #expect(try parse("\"a,1\n", as: "a.csv", quoting: false).examples[0].text == "\"a")
    }

    @Test("a quote that is not closed, and text after a closing one, are errors with their line")
    func badQuotes() {
        expectError(.quoting, "a.csv:2:", "not closed") { try parse("a,1\n\"b,1\nc,1\n", as: "a.csv") }
        expectError(.quoting, "a.csv:2:", "closing quote") { try parse("a,1\n\"b\" c,1\n", as: "a.csv") }
    }

    @Test("a blank line between rows is an error that says so; blank lines at the end are not")
    func blankLines() throws {
        for (name, row) in [("a.tsv", "a\t1"), ("a.csv", "a,1"), ("a.jsonl", #"{"0":"a","1":1}"#)] {
            expectError(.blankLine, "\(name):2:", "blank") { try parse("\(row)\n\r\n\n\(row)\n", as: name) }
            #expect(try parse("\(row)\n\n", as: name).examples.count == 1)
            #expect(try parse("\(row)\r\n\r\n\r\n", as: name).examples.count == 1)
        }
    }

    @Test("too few fields, or another number than the header's, are errors with line, expected and found")
    func fieldCounts() throws {
        expectError(.fields, "a.tsv:2:", "at least 4", "found 3") {
            try parse("a\t1\tb\tc\na\t1\tb\n", as: "a.tsv", text: "3")
        }
        expectError(.fields, "a.csv:3:", "expected 2", "found 3") {
            try parse("text,label\nx,1\nHello, you,1\n", as: "a.csv", header: true, text: "text", label: "label")
        }
        #expect(try parse("a\t1\tmore\nb\t0\n", as: "a.tsv").examples.count == 2)
    }

    @Test("a column that is not there is an error with the columns that are")
    func unknownColumns() {
        expectError(.description, "task.columns.text", "\"sentence\", \"label\"") {
            try parse("sentence\tlabel\na\t1\n", as: "a.tsv", header: true, text: "text", label: "label")
        }
        expectError(.description, "task.columns.label", "2 columns") {
            try parse("a\tb\na\t1\n", as: "a.tsv", header: true, label: "2")
        }
        expectError(.description, "without header") { try parse("a\t1\n", as: "a.tsv", text: "sentence") }
        expectError(.description, "2 columns", "[0, 1]") {
            try parse("a\ta\nx\ty\n", as: "a.tsv", header: true, text: "a", label: nil)
        }
        expectError(.fields, "a.jsonl:2:", "\"y\"", "found \"x\"") {
            try parse("{\"x\":\"a\",\"y\":1}\n{\"x\":\"b\"}\n", as: "a.jsonl", text: "x", label: "y")
        }
    }

    @Test("an empty file, a header alone, and a file of blank lines are errors")
    func emptyFiles() {
        for text in ["", "\u{FEFF}", "\n", "\r\n\n"] {
            expectError(.empty, "a.tsv") { try parse(text, as: "a.tsv") }
            expectError(.empty, "a.jsonl") { try parse(text, as: "a.jsonl") }
        }
        expectError(.empty, "header") { try parse("text\tlabel\n", as: "a.tsv", header: true) }
    }

    @Test("bytes that are not UTF-8 are an error with line and offset in the file")
    func encoding() {
        let reader = DatasetReader(DatasetOptions(header: false, columns: DataColumns(text: ColumnSelector(0))))
        expectError(.encoding, "a.tsv:2:", "0xE9", "offset 5") {
            try reader.parse(Array("abc\n".utf8) + [0x64, 0xE9, 0x0A], source: "a.tsv")
        }
        expectError(.encoding, "a.tsv:1:", "offset 0", "UTF-16") {
            try reader.parse([0xFF, 0xFE, 0x61, 0x00], source: "a.tsv")
        }
    }

    @Test("JSONL: strings and numbers as labels, escapes, keys in any order, other values skipped")
    func jsonl() throws {
        let data = try parse(
            """
            {"label": 1, "x": [1, {"y": null}], "text": "a\\n\\u00e9\\ud83d\\ude00\\/"}
            {"text": "b", "label": "neg", "z": -1.5e-3}\r
            {"label": true, "text": ""}
            """, as: "a.jsonl", text: "text", label: "label")
        #expect(data.examples.map(\.text) == ["a\né😀/", "b", ""])
        #expect(data.examples.map(\.label) == [.category("1"), .category("neg"), .category("true")])
    }

    @Test(
        "a JSONL line that is not one object is an error with its line",
        arguments: [
            "[1]", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":1} x"#, #"{"a":01}"#, #"{"a":"\ud83d"}"#,
            #"{"a":"\x"}"#, #"{"a":NaN}"#, #"{"a":1,"a":2}"#, "{\"a\":\"\t\"}", #"{"a":tru}"#, #"{"a":"b"#,
            #"{"a":[1}"#, #"{"a":{"b" 1}}"#, #"{"a":"\u12"}"#,
        ])
    func badJSON(line: String) {
        expectError(.json, "a.jsonl:2: ") {
            try parse("{\"0\":\"a\"}\n\(line)\n", as: "a.jsonl", label: nil)
        }
    }

    @Test("JSON nests 64 deep and no deeper")
    func depth() throws {
        func nested(_ levels: Int) -> String {
            "{\"0\":\"a\",\"b\":" + String(repeating: "[", count: levels) + String(repeating: "]", count: levels) + "}"
        }
        #expect(try parse(nested(63), as: "a.jsonl", label: nil).examples.count == 1)
        expectError(.json, "64 levels") { try parse(nested(64), as: "a.jsonl", label: nil) }
        expectError(.json, "64 levels") { try parse(nested(1_000_000), as: "a.jsonl", label: nil) }
    }

    @Test("a JSONL text that is a number, and a label that is null, are errors")
    func wrongJSONKinds() {
        expectError(.fields, "not a string") { try parse(#"{"0":1,"1":1}"#, as: "a.jsonl") }
        expectError(.label, "neither a string nor a number") { try parse(#"{"0":"a","1":null}"#, as: "a.jsonl") }
    }

    @Test("scores are finite decimal numbers", arguments: ["", "nan", "inf", "0x10", "1e99", "three", "1,5", " 1"])
    func badScores(score: String) {
        expectError(.score, "a.tsv:2:", "\"\(score)\"") {
            try parse("a\t-1.5e1\nb\t\(score)\n", as: "a.tsv", kind: .regression)
        }
    }

    @Test("scores are read as 32-bit numbers")
    func scores() throws {
        let data = try parse("a\t3.800\nb\t-2\n", as: "a.tsv", kind: .regression)
        #expect(data.examples.map(\.label) == [.score(3.8), .score(-2)])
        #expect(try data.scoreTargets() == [.score(3.8), .score(-2)])
    }

    @Test("an empty class label is an error; a file may have no label column")
    func missingLabels() throws {
        expectError(.label, "a.tsv:1:", "empty") { try parse("a\t\n", as: "a.tsv") }
        #expect(try parse("a\nb\n", as: "a.txt", label: nil).examples.map(\.label) == [nil, nil])
    }

    @Test("the format is told by the file's name, or else has to be given")
    func formats() throws {
        #expect(DataFormat(fileName: "x/a.TSV") == .tsv && DataFormat(fileName: "a.b.ndjson") == .jsonl)
        #expect(DataFormat(fileName: "a.csv/b") == nil && DataFormat(fileName: "train.json") == nil)
        expectError(.description, "task.format") { try parse("a\t1\n", as: "SMSSpamCollection") }
    }

    @Test("a missing file and a folder are errors that name them")
    func unreadable() throws {
        let reader = DatasetReader(DatasetOptions(columns: DataColumns(text: ColumnSelector(0))))
        let folder = FileManager.default.temporaryDirectory.path
        expectError(.unreadable, "no such file", "/nowhere/a.tsv") { try reader.read("/nowhere/a.tsv") }
        expectError(.unreadable, "folder", folder) { try reader.read(folder) }
    }
}

@Suite("UTF-8 validation")
struct UTF8ValidationTests {
    @Test("accepts what Swift accepts, over all one- and two-byte sequences and the boundaries of longer ones")
    func againstStandardLibrary() {
        func check(_ bytes: [UInt8]) {
            let valid = String(validating: bytes, as: UTF8.self) != nil
            if (UTF8Validation.firstFault(in: bytes) == nil) != valid {
                Issue.record("\(bytes): the standard library says \(valid)")
            }
        }
        let edges: [UInt8] = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
            0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ]
        for first in UInt8.min...UInt8.max {
            check([first])
            for second in UInt8.min...UInt8.max {
                check([first, second])
            }
            for second in edges {
                for third in edges {
                    check([first, second, third])
                    for fourth in edges where first >= 0xE0 {
                        check([first, second, third, fourth])
                    }
                }
            }
        }
    }

    @Test("names the place of the first fault")
    func place() {
        #expect(UTF8Validation.firstFault(in: Array("aé😀".utf8) + [0xED, 0xA0, 0x80]) == 7)
        #expect(UTF8Validation.firstFault(in: []) == nil)
    }
}
