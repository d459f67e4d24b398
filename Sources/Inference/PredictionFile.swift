//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
package import Generation
import JSONText
package import Training

/// What `predict` writes: one JSON object a row, in the order of the data file.
///
///     {"index":0,"label":"1","logits":[-1.5,1.25]}
///     {"index":0,"score":3.5,"logits":[3.5]}
package enum PredictionFile {
    /// Writes the file as a whole or not at all.
    /// - Parameter labels: In the order of the logits; nil for a regression.
    /// - Throws: `InferenceError` with code `notFinite`, naming the row; `FileError`.
    package static func write(_ predictions: [Prediction], labels: [String]?, to path: String) throws {
        var text = ""
        for prediction in predictions {
            text += try line(prediction, labels: labels) + "\n"
        }
        try AtomicFile.write(text, to: path)
    }

    /// Writes what follows each prompt, as a whole or not at all.
    /// - Parameter text: The text of some tokens.
    package static func write(
        _ texts: [[Int32]], of prompts: [Prompt], text: ([Int32]) -> String, to path: String
    ) throws {
        var lines = ""
        for (prompt, tokens) in zip(prompts, texts) {
            let row = JSONValue.object([
                JSONMember("index", .integer(prompt.index)), JSONMember("text", .string(text(tokens))),
                JSONMember("tokens", .array(tokens.map { .integer($0) })),
            ])
            lines += row.text + "\n"
        }
        try AtomicFile.write(lines, to: path)
    }

    /// One row without its line break; logits by the shortest text that reads back to the same 32 bits.
    package static func line(_ prediction: Prediction, labels: [String]?) throws(InferenceError) -> String {
        if let place = prediction.logits.firstIndex(where: { !$0.isFinite }) {
            throw InferenceError(
                .notFinite,
                "row \(prediction.example): logit \(place) is \(prediction.logits[place]), expected a finite number; "
                    + "nothing was written")
        }
        let logits = prediction.logits.map { JSONValue.number("\($0)") }
        let answer =
            labels.map { JSONMember("label", .string($0[EvaluationSet.label(of: prediction.logits)])) }
            ?? JSONMember("score", logits[0])
        return JSONValue.object([
            JSONMember("index", .integer(prediction.example)), answer, JSONMember("logits", .array(logits)),
        ]).text
    }
}
