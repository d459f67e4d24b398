//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Files
package import Foundation
package import LoRA
import RunRecords
import Tensors

/// A moment of a run that it can go on from.
package struct Checkpoint: Sendable {
    /// The folder's name: "checkpoint-120", "checkpoint-probe-27".
    package var name: String
    package var state: TrainingState
    package var progress: RunProgress
}

/// The checkpoints in a run's folder.
///
/// Each is a folder with the adapter as PEFT reads it, `optimizer.safetensors` (parameters and AdamW's moments as flat
/// vectors), `run_state.json` (`RunProgress`), and the history so far as Hugging Face keeps it, `trainer_state.json`. It
/// is written under another name and then renamed, so a folder that bears the name of a checkpoint is whole.
package struct CheckpointStore {
    /// The run's folder.
    package let folder: URL
    /// Identifies the configuration, as far as it decides the result.
    package let resultDigest: String
    /// Writes the adapter's files into a folder.
    let writeAdapter:
        (_ state: TrainingState, _ layout: ParameterLayout, _ decision: LayerDecision?, URL) throws -> Void

    package init(
        folder: URL, resultDigest: String,
        writeAdapter: @escaping (TrainingState, ParameterLayout, LayerDecision?, URL) throws -> Void
    ) {
        self.folder = folder
        self.resultDigest = resultDigest
        self.writeAdapter = writeAdapter
    }

    static func name(of state: TrainingState) -> String {
        switch state.phase {
        case .probe: "checkpoint-probe-\(state.step)"
        case .fineTune: "checkpoint-\(state.step)"
        }
    }

    /// Writes a checkpoint; one of the same name is replaced.
    func save(
        _ checkpoint: Checkpoint, layout: ParameterLayout, decision: LayerDecision?, history: TrainerState
    ) throws {
        let files = FileManager.default
        let partial = folder.appendingPathComponent(".\(checkpoint.name).partial", isDirectory: true)
        try remove(partial)
        try files.createDirectory(at: partial, withIntermediateDirectories: true)
        try writeAdapter(checkpoint.state, layout, decision, partial)
        var writer = SafetensorsWriter()
        for (name, values) in [
            ("parameters", checkpoint.state.parameters), ("first_moment", checkpoint.state.firstMoment),
            ("second_moment", checkpoint.state.secondMoment),
        ] {
            writer.add(name, shape: [values.count], Matrix(rows: 1, columns: values.count, values: values))
        }
        try writer.write(to: partial.appendingPathComponent(Self.optimizerFile).path)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        let record = RunState(
            progress: checkpoint.progress, stateDigest: checkpoint.state.digest.description,
            statePhase: checkpoint.state.phase.rawValue, stateStep: checkpoint.state.step)
        let text = String(decoding: try encoder.encode(record), as: UTF8.self) + "\n"
        try AtomicFile.write(text, to: partial.appendingPathComponent(Self.stateFile).path)
        try AtomicFile.write(history.jsonText, to: partial.appendingPathComponent(Self.historyFile).path)
        let final = folder.appendingPathComponent(checkpoint.name, isDirectory: true)
        let former = folder.appendingPathComponent(".\(checkpoint.name).former", isDirectory: true)
        try remove(former)
        if files.fileExists(atPath: final.path) {
            // At every moment one of the two has its name or can be given it.
            try files.moveItem(at: final, to: former)
        }
        try files.moveItem(at: partial, to: final)
        try SystemFile.synchroniseFolder(folder.path)
        try remove(former)
    }

    private func remove(_ place: URL) throws {
        if FileManager.default.fileExists(atPath: place.path) {
            try FileManager.default.removeItem(at: place)
        }
    }

    /// The furthest checkpoint, or nil if there is none.
    /// - Throws: `TrainingError` with `.badCheckpoint` if it cannot be read or belongs to another configuration.
    package func latest() throws -> Checkpoint? {
        let names = try Self.checkpointNames(in: folder)
        guard let name = names.last else { return nil }
        return try checkpoint(named: name)
    }

    /// The checkpoint called `name`.
    package func checkpoint(named name: String) throws -> Checkpoint {
        let place = folder.appendingPathComponent(name, isDirectory: true)
        func refuse(_ message: String) -> TrainingError {
            TrainingError(code: .badCheckpoint, message: "\(place.path): \(message)")
        }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        let record: RunState
        do {
            let bytes = try Data(contentsOf: place.appendingPathComponent(Self.stateFile))
            record = try decoder.decode(RunState.self, from: bytes)
        } catch {
            throw refuse("\(Self.stateFile) cannot be read: \(error)")
        }
        guard record.progress.format == RunProgress.currentFormat else {
            throw refuse(
                "it has format \(record.progress.format), this build reads \(RunProgress.currentFormat)")
        }
        guard record.progress.resultDigest == resultDigest else {
            throw refuse(
                "it belongs to a run with another configuration (digest \(record.progress.resultDigest.prefix(16)), now "
                    + "\(resultDigest.prefix(16))); use the same configuration or another output_dir")
        }
        guard let phase = Phase(rawValue: record.statePhase) else {
            throw refuse("phase \(record.statePhase) is unknown")
        }
        let file: SafetensorsFile
        do {
            file = try SafetensorsFile(path: place.appendingPathComponent(Self.optimizerFile).path)
        } catch {
            throw refuse("\(error)")
        }
        func vector(_ name: String) throws -> [Float] {
            guard let tensor = file[name], tensor.dtype == .float32 else {
                throw refuse("\(Self.optimizerFile) has no F32 tensor \(name)")
            }
            return tensor.values
        }
        let vectors = try ["parameters", "first_moment", "second_moment"].map(vector)
        guard vectors.allSatisfy({ $0.count == vectors[0].count }), record.stateStep >= 0 else {
            throw refuse(
                "\(Self.optimizerFile) has \(vectors.map { String($0.count) }.joined(separator: ", ")) values at step "
                    + "\(record.stateStep); the three counts must agree")
        }
        let state = TrainingState(
            phase: phase, step: record.stateStep, parameters: vectors[0], firstMoment: vectors[1],
            secondMoment: vectors[2])
        guard state.digest.description == record.stateDigest else {
            throw refuse("the state's digest is \(state.digest), \(Self.stateFile) says \(record.stateDigest)")
        }
        return Checkpoint(name: name, state: state, progress: record.progress)
    }

    /// Removes the oldest checkpoints of the fine-tuning beyond `limit`; the best and the last one stay.
    func prune(keeping limit: Int?, best: String?) throws {
        guard let limit else { return }
        let names = try Self.checkpointNames(in: folder).filter { !$0.hasPrefix("checkpoint-probe-") }
        for name in names.dropLast(max(1, limit)) where name != best {
            try FileManager.default.removeItem(at: folder.appendingPathComponent(name))
        }
    }

    /// The checkpoints' names in the order of the run: the probe's before the fine-tuning's.
    package static func checkpointNames(in folder: URL) throws -> [String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        func place(_ name: String) -> (Int, Int)? {
            for (order, prefix) in [(0, "checkpoint-probe-"), (1, "checkpoint-")] where name.hasPrefix(prefix) {
                if let step = Int(name.dropFirst(prefix.count)) { return (order, step) }
            }
            return nil
        }
        return names.compactMap { name in place(name).map { (name, $0) } }.sorted { $0.1 < $1.1 }.map(\.0)
    }

    private static let optimizerFile = "optimizer.safetensors"
    private static let stateFile = "run_state.json"
    private static let historyFile = "trainer_state.json"
}

/// What `run_state.json` holds.
private struct RunState: Codable {
    var progress: RunProgress
    var stateDigest: String
    var statePhase: UInt32
    var stateStep: Int
}
