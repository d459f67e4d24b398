//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import RunConfiguration
import Testing

@Suite("What is written about the configuration is true")
struct DocumentationTests {
    private let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The row of every option, in their order.
    private let rows = ConfigurationOption.all.map { option in
        let fallback = option.defaultText.isEmpty ? "" : "`\(option.defaultText)`"
        let cells = ["`\(option.name)`", fallback, option.effect.rawValue, option.expectation, option.help]
        return "| " + cells.map { $0.replacingOccurrences(of: "|", with: "\\|") }.joined(separator: " | ") + " |"
    }

    /// The rows about options in a document.
    private func written(in document: String) -> [String] {
        document.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
    }

    @Test("docs/configuration.md has the very table of the options")
    func table() throws {
        let text = try String(contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
        let written = written(in: text)
        for row in rows where !written.contains(row) {
            Issue.record("docs/configuration.md lacks the row \(row)")
        }
        for row in written where !rows.contains(row) {
            Issue.record("docs/configuration.md has the row \(row), which no option has")
        }
        let inOrder = written == rows
        #expect(inOrder, "the rows of docs/configuration.md stand in the order of ConfigurationOption.all")
    }

    @Test("README.md has the rows of the commonest options, as docs/configuration.md has them and in that order")
    func readme() throws {
        let text = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        let parts = text.components(separatedBy: "<!-- options -->\n")
        try #require(parts.count == 2, "README.md has one mark <!-- options -->")
        let written = written(in: try #require(parts[1].components(separatedBy: "<!-- /options -->").first))
        for row in written where !rows.contains(row) {
            Issue.record("README.md has the row \(row), which no option has")
        }
        let inOrder = rows.filter(written.contains) == written
        #expect(inOrder, "the rows of README.md stand in the order of ConfigurationOption.all, each once")
        // A key that has to be given is a common one.
        for option in ConfigurationOption.all where option.defaultText.isEmpty {
            #expect(written.contains { $0.hasPrefix("| `\(option.name)` ") }, "README.md lacks \(option.name)")
        }
        #expect((15...30).contains(written.count), "a short table, of \(rows.count) options")
    }

    @Test("The demo's configuration is one, and says what the demo is said to be")
    func demo() throws {
        let path = root.appendingPathComponent("deploy/demo.yaml").path
        let settings = try RunSettings.parse(String(contentsOfFile: path, encoding: .utf8), path: path)
        #expect(settings.training.epochs == 5)
        #expect(settings.training.learningRate == 1e-3)
        #expect(settings.outputDirectory == "runs/demo")
        for file in [settings.task.train, settings.task.validation] {
            let file = try #require(file)
            #expect(FileManager.default.fileExists(atPath: root.appendingPathComponent(file).path), "\(file)")
        }
    }
}
