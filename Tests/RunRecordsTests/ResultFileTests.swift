//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import JSONText
import RunRecords
import Testing

@Suite("Trainer state and results")
struct ResultFileTests {
    private var state: TrainerState {
        var state = TrainerState(maxSteps: 804, epochCount: 3, batchSize: 32, loggingSteps: 10, saveSteps: 268)
        state.bestMetric = 0.5
        state.bestStep = 268
        state.bestCheckpoint = "checkpoint-268"
        state.epoch = 1.5
        state.globalStep = 402
        state.tokensSeen = 12_345
        state.history = [
            TrainerState.LogEntry(
                epoch: 0.25, step: 10, values: ["loss": 0.625, "learning_rate": 1e-3, "grad_norm": 1.5]),
            TrainerState.LogEntry(epoch: 1, step: 268, values: ["eval_accuracy": 0.75]),
        ]
        return state
    }

    @Test("the trainer state has Hugging Face's keys, sorted, and is read back")
    func trainerState() throws {
        let text = state.jsonText
        #expect(
            text.hasPrefix(
                """
                {
                  "best_global_step": 268,
                  "best_metric": 0.5,
                  "best_model_checkpoint": "checkpoint-268",
                  "epoch": 1.5,
                  "eval_steps": null,
                  "global_step": 402,
                """))
        #expect(
            text.contains(
                """
                    {
                      "epoch": 0.25,
                      "grad_norm": 1.5,
                      "learning_rate": 0.001,
                      "loss": 0.625,
                      "step": 10
                    },
                """))
        #expect(try TrainerState(jsonText: Array(text.utf8), path: "trainer_state.json") == state)
    }

    @Test("what is no trainer state is an error")
    func malformedState() {
        let withText = state.jsonText.replacing("0.625", with: "\"low\"")
        for text in ["", "{}", withText] {
            let error = #expect(throws: RecordError.self) {
                try TrainerState(jsonText: Array(text.utf8), path: "trainer_state.json")
            }
            #expect(error?.code == .malformed)
        }
    }

    @Test("all results have Hugging Face's names, rates follow from counts and times")
    func allResults() throws {
        let results = AllResults(
            epoch: 3, evaluation: ["accuracy": 0.875, "loss": 0.25],
            evaluationDuration: AllResults.Duration(seconds: 2, sampleCount: 300), trainLoss: 0.5,
            trainDuration: AllResults.Duration(seconds: 100, sampleCount: 1000), trainSteps: 96,
            loraDrop: AllResults.LoRADropFacts(
                kept: ["layer.0", "layer.5"], shared: ["layer.1"], parameterCount: 100, plainParameterCount: 200,
                threshold: 0.9, probeSteps: nil))
        let value = try JSONParser.parse(results.jsonText)
        #expect(
            value.members?.map(\.key) == [
                "epoch", "eval_accuracy", "eval_loss", "eval_runtime", "eval_samples", "eval_samples_per_second",
                "lora_drop", "train_loss", "train_runtime", "train_samples", "train_samples_per_second",
                "train_steps_per_second",
            ])
        #expect(value["eval_accuracy"]?.real == 0.875 && value["eval_samples"]?.integer() == 300)
        #expect(value["eval_samples_per_second"]?.real == 150)
        #expect(value["train_samples_per_second"]?.real == 30 && value["train_steps_per_second"]?.real == 0.96)
        #expect(value["lora_drop"]?["kept"] == .array([.string("layer.0"), .string("layer.5")]))
        #expect(AllResults(epoch: 1).jsonText == "{\n    \"epoch\": 1.0\n}\n")
    }

    @Test("the progress line shows what is known and leaves out what does not fit")
    func progress() {
        var line = ProgressLine(phase: "fine-tune", step: 120, stepCount: 804)
        #expect(line.text() == "fine-tune  120/804")
        line.loss = 0.57306
        line.tokensPerSecond = 2943
        line.secondsLeft = 64.6
        #expect(line.text() == "fine-tune  120/804  loss 0.5731  2.9k tokens/s  1:05 left")
        #expect(line.text(width: 40) == "fine-tune  120/804  loss 0.5731")
        #expect(line.text(width: 3).isEmpty)
        line.loss = -0.00001
        line.tokensPerSecond = 999.7
        #expect(line.text() == "fine-tune  120/804  loss 0.0000  1.0k tokens/s  1:05 left")
        line.loss = .nan
        line.tokensPerSecond = 1_234_567
        #expect(line.text() == "fine-tune  120/804  loss nan  1.2M tokens/s  1:05 left")
    }

    @Test("durations for people")
    func durations() {
        #expect(
            [0, 9.4, 59.5, 3599.4, 3723, .infinity, -1].map { DurationText.clock(seconds: $0) } == [
                "0:00", "0:09", "1:00", "59:59", "1:02:03", "?", "?",
            ])
        #expect(
            [0.25, 0.996, 9.06, 59.96, 200, 3599.6, 7500, .nan].map { DurationText.words(seconds: $0) } == [
                "0.25 s", "1.0 s", "9.1 s", "1 min 0 s", "3 min 20 s", "1 h 0 min", "2 h 5 min", "?",
            ])
    }
}
