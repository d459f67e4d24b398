//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import JSONText

extension LogRecord {
    /// The record as one line of a `.jsonl` file, without line break: equal records give equal bytes.
    package var jsonLine: String {
        // The process itself is the rule, and goes without saying.
        let origin = origin == .process ? [] : [JSONMember("origin", .string(origin.rawValue))]
        let identity = [
            JSONMember("time", .string(Timestamp.text(nanoseconds: wallNanoseconds))),
            JSONMember("level", .string(level.rawValue)),
            JSONMember("worker", .string(worker)),
        ]
        let content = [
            JSONMember("incarnation", .integer(incarnation)),
            JSONMember("sequence", .integer(sequence)),
            JSONMember("monotonic_ns", .integer(monotonicNanoseconds)),
            JSONMember("event", .string(event)),
            JSONMember("message", .string(message)),
            JSONMember("fields", fields.json),
        ]
        return JSONValue.object(identity + origin + content).text
    }

    /// Reads a line of a `.jsonl` file; keys that are not known are passed over.
    /// - Parameters:
    ///   - path: the file, for the error.
    ///   - number: the line, from 1, for the error.
    package init(jsonLine: String, path: String, number: Int) throws(RecordError) {
        let value: JSONValue
        do {
            value = try JSONParser.parse(jsonLine)
        } catch {
            throw RecordError(.malformed, path: path, line: number, "the line is not JSON: \(error)")
        }
        guard let time = value["time"]?.string.flatMap({ Timestamp.nanoseconds(of: $0) }),
            let level = value["level"]?.string.flatMap({ LogLevel(rawValue: $0) }),
            let worker = value["worker"]?.string,
            let origin = value["origin"].map({ $0.string.flatMap { LogOrigin(rawValue: $0) } }) ?? .process,
            let incarnation = value["incarnation"]?.integer(UInt64.self),
            let sequence = value["sequence"]?.integer(UInt64.self),
            let monotonic = value["monotonic_ns"]?.integer(),
            let event = value["event"]?.string,
            let message = value["message"]?.string,
            let fields = value["fields"].flatMap({ [String: LogValue](json: $0) })
        else {
            throw RecordError(
                .malformed, path: path, line: number,
                "expected a log record with time, level, worker, incarnation, sequence, monotonic_ns, event, message "
                    + "and fields")
        }
        self.init(
            worker: worker, origin: origin, incarnation: incarnation, sequence: sequence, level: level,
            wallNanoseconds: time, monotonicNanoseconds: monotonic, event: event, message: message, fields: fields)
    }
}

extension [String: LogValue] {
    /// The values as one JSON object on one line, its keys sorted: what workers send.
    package var jsonText: String {
        json.text
    }

    /// Reads what `jsonText` writes; an empty text is no values.
    ///
    /// Nil for anything but an object of plain values.
    package init?(jsonText: String) {
        guard !jsonText.isEmpty else {
            self = [:]
            return
        }
        guard let value = try? JSONParser.parse(jsonText) else {
            return nil
        }
        self.init(json: value)
    }

    var json: JSONValue {
        .object(
            sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }.map { key, value in
                switch value {
                case .boolean(let boolean): JSONMember(key, .boolean(boolean))
                case .integer(let number): JSONMember(key, .integer(number))
                case .real(let number): JSONMember(key, .real(number))
                case .text(let text): JSONMember(key, .string(text))
                }
            })
    }

    init?(json: JSONValue) {
        guard let members = json.members else {
            return nil
        }
        self.init(minimumCapacity: members.count)
        for member in members {
            switch member.value {
            case .boolean(let boolean): self[member.key] = .boolean(boolean)
            case .string(let text): self[member.key] = .text(text)
            case .number:
                if let number = member.value.integer() {
                    self[member.key] = .integer(number)
                } else if let number = member.value.real {
                    self[member.key] = .real(number)
                }
            case .null, .array, .object: return nil
            }
        }
    }
}
