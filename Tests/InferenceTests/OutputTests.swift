//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Inference
import JSONText
import Testing
import Training

struct OutputTests {
    @Test("a class has its label, a regression its score")
    func lines() throws {
        let two = Prediction(example: 3, logits: [-1.5, 0.1])
        #expect(
            try PredictionFile.line(two, labels: ["no", "y\"es"])
                == #"{"index":3,"label":"y\"es","logits":[-1.5,0.1]}"#)
        let one = Prediction(example: 0, logits: [3.25])
        #expect(try PredictionFile.line(one, labels: nil) == #"{"index":0,"score":3.25,"logits":[3.25]}"#)
    }

    @Test(
        "logits read back to the same bits",
        arguments: [Float(0.1), 1e-12, -3.4e38, .leastNonzeroMagnitude, 16_777_216])
    func bits(logit: Float) throws {
        let line = try PredictionFile.line(Prediction(example: 0, logits: [logit]), labels: nil)
        let found = try #require(JSONParser.parse(line)["logits"]?.array?.first?.real)
        #expect(Float(found).bitPattern == logit.bitPattern)
    }

    @Test("a logit that is no number is refused, and the file stays as it was")
    func notFinite() throws {
        try withFolder { folder in
            let path = folder + "/out.jsonl"
            try PredictionFile.write([Prediction(example: 0, logits: [1, 2])], labels: ["a", "b"], to: path)
            let before = try Data(contentsOf: URL(filePath: path))
            let error = refusal(InferenceError.self) {
                try PredictionFile.write(
                    [Prediction(example: 7, logits: [1, .nan])], labels: ["a", "b"], to: path)
            }
            #expect(error?.code == .notFinite)
            #expect(error?.message.hasPrefix("row 7: logit 1 is nan") == true)
            #expect(try Data(contentsOf: URL(filePath: path)) == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["out.jsonl"])
        }
    }

    @Test("a report is one line with sorted keys")
    func report() {
        let report = EvaluationReport(
            figures: ["eval_loss": 0.5, "eval_accuracy": 1], sampleCount: 4, seconds: 2)
        #expect(
            report.jsonText
                == #"{"eval_accuracy":1.0,"eval_loss":0.5,"eval_runtime":2.0,"eval_samples":4,"#
                + #""eval_samples_per_second":2.0}"#)
    }
}
