//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Testing

@Suite("Templates of prompts and completions")
struct TextTemplateTests {
    @Test("columns take the place of their names, in order and as often as they occur")
    func filled() throws {
        let template = try TextTemplate("Meaning: {mr}\nText {{{1}}}: {mr}")
        #expect(template.columns == [ColumnSelector("mr"), ColumnSelector(1), ColumnSelector("mr")])
        #expect(template.filled(["a", "b", "{c}"]) == "Meaning: a\nText {b}: {c}")
        #expect(try TextTemplate("no column").filled([]) == "no column")
        #expect(TextTemplate(ColumnSelector("x")) == (try TextTemplate("{x}")))
    }

    @Test("braces that do not match are refused", arguments: ["{", "}", "a {b", "a } b", "{}", "{a{b}}", "{{a}"])
    func refusals(text: String) {
        #expect {
            try TextTemplate(text)
        } throws: { error in
            (error as? DatasetError)?.description.contains("{{") ?? false
        }
    }

    @Test(
        "prompt and completion are read from every format",
        arguments: [
            ("a.csv", "mr,ref\n\"x, y\",one\nz,two\n"), ("a.tsv", "ref\tmr\none\tx, y\ntwo\tz\n"),
            ("a.jsonl", "{\"mr\": \"x, y\", \"ref\": \"one\"}\n{\"ref\": \"two\", \"mr\": \"z\", \"other\": 1}\n"),
        ])
    func formats(name: String, text: String) throws {
        let options = DatasetOptions(
            columns: DataColumns(
                text: try TextTemplate("Meaning: {mr}\nText:"), textPair: try TextTemplate(" {ref}")),
            kind: .generation)
        let rows = try DatasetReader(options).parse(Array(text.utf8), source: name).examples
        #expect(rows.map(\.text) == ["Meaning: x, y\nText:", "Meaning: z\nText:"])
        #expect(rows.map(\.pair) == [" one", " two"])
    }

    @Test("a column that the file has not is named")
    func missing() throws {
        let options = DatasetOptions(
            columns: DataColumns(text: try TextTemplate("a {nothing}"), textPair: nil), kind: .generation)
        for (name, text) in [("a.csv", "mr,ref\n1,2\n"), ("a.jsonl", "{\"mr\": \"1\"}\n")] {
            #expect {
                try DatasetReader(options).parse(Array(text.utf8), source: name)
            } throws: { error in
                "\(error)".contains("nothing") && "\(error)".contains("mr")
            }
        }
    }
}
