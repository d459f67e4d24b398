//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import JSONText

extension JournalRecord {
    private static let checkKey = #","crc":""#
    /// What closes a line: eight digits, a quote and a brace.
    private static let checkByteCount = checkKey.utf8.count + 10

    /// The record as a JSON object on one line, without line break; the last key is the CRC-32 of all before it.
    package var line: String {
        let (name, members) = event.members
        let text =
            JSONValue.object(
                [
                    JSONMember("sequence", .integer(sequence)),
                    JSONMember("time", .string(Timestamp.text(nanoseconds: wallNanoseconds))),
                    JSONMember("event", .string(name)),
                ] + members
            ).text.dropLast()
        return "\(text)\(Self.checkKey)\(CRC32.text(of: text.utf8))\"}"
    }

    /// Reads a line; nil where its check sum is wrong or it is not a record that this program writes.
    package init?(line: ArraySlice<UInt8>) {
        guard line.count > Self.checkByteCount else {
            return nil
        }
        let content = line.dropLast(Self.checkByteCount)
        let check = line.suffix(Self.checkByteCount)
        guard check.elementsEqual((Self.checkKey + CRC32.text(of: content) + "\"}").utf8),
            let value = try? JSONParser.parse(Array(content) + [UInt8(ascii: "}")]),
            let sequence = value["sequence"]?.integer(UInt64.self),
            let time = value["time"]?.string.flatMap({ Timestamp.nanoseconds(of: $0) }),
            let event = JournalEvent(json: value)
        else {
            return nil
        }
        self.init(sequence: sequence, wallNanoseconds: time, event: event)
    }
}

extension JournalEvent {
    /// The name of the event and its values in their order.
    fileprivate var members: (name: String, members: [JSONMember]) {
        func place(_ phase: String, _ step: Int) -> [JSONMember] {
            [JSONMember("phase", .string(phase)), JSONMember("step", .integer(step))]
        }
        func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
        switch self {
        case .opened(let incarnation): return ("opened", [JSONMember("incarnation", .integer(incarnation))])
        case .roster(let generation, let workers):
            return ("roster", [JSONMember("generation", .integer(generation)), JSONMember("workers", texts(workers))])
        case .phaseBegan(let phase, let stepCount, let exampleCount, let stepsPerEpoch):
            return (
                "phase_began",
                [
                    JSONMember("phase", .string(phase)), JSONMember("step_count", .integer(stepCount)),
                    JSONMember("example_count", .integer(exampleCount)),
                    JSONMember("steps_per_epoch", .integer(stepsPerEpoch)),
                ]
            )
        case .phaseEnded(let phase, let step, let digest):
            return ("phase_ended", place(phase, step) + [JSONMember("digest", .string(digest))])
        case .decision(let decision):
            return (
                "decision",
                [
                    JSONMember("modules", texts(decision.modules)),
                    JSONMember("sums", .array(decision.sums.map { .integer($0) })),
                    JSONMember("exponent", .integer(decision.exponent)),
                    JSONMember("kept", texts(decision.kept)),
                ]
            )
        case .commit(let phase, let step, let digest, let examples):
            return (
                "commit",
                place(phase, step) + [
                    JSONMember("digest", .string(digest)),
                    JSONMember("examples", .array(examples.map { .integer(Int($0)) })),
                ]
            )
        case .checkpoint(let phase, let step, let digest, let folder):
            return (
                "checkpoint",
                place(phase, step) + [JSONMember("digest", .string(digest)), JSONMember("folder", .string(folder))]
            )
        case .evaluation(let phase, let step, let metrics):
            let values = metrics.sorted { $0.key < $1.key }.map { JSONMember($0.key, .real($0.value)) }
            return ("evaluation", place(phase, step) + [JSONMember("metrics", .object(values))])
        case .finished(let digest): return ("finished", [JSONMember("adapter_digest", .string(digest))])
        }
    }

    fileprivate init?(json: JSONValue) {
        func texts(_ key: String) -> [String]? {
            guard let elements = json[key]?.array else {
                return nil
            }
            let texts = elements.compactMap(\.string)
            return texts.count == elements.count ? texts : nil
        }
        let phase = json["phase"]?.string
        let step = json["step"]?.integer()
        let digest = json["digest"]?.string
        switch json["event"]?.string {
        case "opened":
            guard let incarnation = json["incarnation"]?.integer(UInt64.self) else { return nil }
            self = .opened(incarnation: incarnation)
        case "roster":
            guard let generation = json["generation"]?.integer(UInt64.self), let workers = texts("workers") else {
                return nil
            }
            self = .roster(generation: generation, workers: workers)
        case "phase_began":
            guard let phase, let stepCount = json["step_count"]?.integer() else { return nil }
            self = .phaseBegan(
                phase: phase, stepCount: stepCount, exampleCount: json["example_count"]?.integer() ?? 0,
                stepsPerEpoch: json["steps_per_epoch"]?.integer() ?? 0)
        case "phase_ended":
            guard let phase, let step, let digest else { return nil }
            self = .phaseEnded(phase: phase, step: step, digest: digest)
        case "decision":
            guard let modules = texts("modules"), let kept = texts("kept"), let exponent = json["exponent"]?.integer(),
                let sums = json["sums"]?.array?.compactMap({ $0.integer(Int64.self) }), sums.count == modules.count
            else {
                return nil
            }
            self = .decision(JournalDecision(modules: modules, sums: sums, exponent: exponent, kept: kept))
        case "commit":
            let members = json["examples"]?.array ?? []
            let examples = members.compactMap { $0.integer(UInt32.self) }
            guard let phase, let step, let digest, examples.count == members.count else { return nil }
            self = .commit(phase: phase, step: step, digest: digest, examples: examples)
        case "checkpoint":
            guard let phase, let step, let digest, let folder = json["folder"]?.string else { return nil }
            self = .checkpoint(phase: phase, step: step, digest: digest, folder: folder)
        case "evaluation":
            guard let phase, let step, let members = json["metrics"]?.members else { return nil }
            var metrics: [String: Double] = [:]
            for member in members {
                metrics[member.key] = member.value.real
            }
            guard metrics.count == members.count else { return nil }
            self = .evaluation(phase: phase, step: step, metrics: metrics)
        case "finished":
            guard let digest = json["adapter_digest"]?.string else { return nil }
            self = .finished(adapterDigest: digest)
        default: return nil
        }
    }
}
