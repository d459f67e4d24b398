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

    @Test("docs/configuration.md has the very table of the options")
    func table() throws {
        let text = try String(contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
        let written = text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
        let rows = ConfigurationOption.all.map { option in
            let fallback = option.defaultText.isEmpty ? "" : "`\(option.defaultText)`"
            let cells = ["`\(option.name)`", fallback, option.effect.rawValue, option.expectation, option.help]
            return "| " + cells.map { $0.replacingOccurrences(of: "|", with: "\\|") }.joined(separator: " | ") + " |"
        }
        for row in rows where !written.contains(row) {
            Issue.record("docs/configuration.md lacks the row \(row)")
        }
        for row in written where !rows.contains(row) {
            Issue.record("docs/configuration.md has the row \(row), which no option has")
        }
        let inOrder = written == rows
        #expect(inOrder, "the rows of docs/configuration.md stand in the order of ConfigurationOption.all")
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
