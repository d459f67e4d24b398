//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport

/// The folder of one host's part of one launch: what runs, by id and start, what happened, and whether it is to end.
///
///     lock                 held while a process is started or the end is declared
///     specification.json   what is to run
///     supervisor.json      the supervisor, by id and start
///     NAME.process.json    each process, by id and start
///     events.jsonl         what happened
///     ending               there once the launch is to end: nothing is started from then on
///     certificates/        keys made here, and their certificates
///     NAME.stderr          what each start of a process wrote to standard error
///
/// A start and an end may come in any order, also when the one who asked for the start is gone before it is done: the
/// lock and the mark `ending` make sure that whatever was started before the end was declared is known, and that
/// nothing is started after it.
package struct StateFolder: Sendable {
    package let path: String

    package init(_ path: String) {
        self.path = path
    }

    package var certificates: String { path + "/certificates" }
    package var supervisorLog: String { path + "/supervisor.log" }
    var eventFile: String { path + "/events.jsonl" }
    private var endingFile: String { path + "/ending" }
    private var specificationFile: String { path + "/specification.json" }
    private var supervisorFile: String { path + "/supervisor.json" }
    func errorFile(of name: String) -> String { "\(path)/\(name).stderr" }
    private func processFile(of name: String) -> String { "\(path)/\(name).process.json" }

    package var exists: Bool { FileManager.default.fileExists(atPath: path) }

    /// Makes the folder, for its owner only.
    /// - Throws: `.file`.
    package func create() throws(SupervisionError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw SupervisionError(.file, "cannot make the folder \(path): \(error.localizedDescription)")
        }
    }

    /// Does something that no other process does at the same time in this folder.
    /// - Throws: `.timedOut` where another holds the lock for a minute; whatever `body` throws.
    func locked<Result>(_ body: () throws -> Result) throws -> Result {
        let number = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw SupervisionError(.file, "cannot open \(path)/lock: errno \(errno)") }
        defer { _ = close(number) }
        let deadline = Deadline.after(.seconds(60))
        while flock(number, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR, !deadline.hasPassed else {
                throw SupervisionError(.timedOut, "\(path)/lock is held by another process")
            }
            ProcessTable.pause(milliseconds: 5)
        }
        return try body()
    }

    /// Seconds that processes have to end by themselves, once the launch is to end; nil before.
    var ending: Double? {
        guard let text = try? String(contentsOfFile: endingFile, encoding: .utf8) else { return nil }
        return Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    }

    /// Declares the end; to be called under the lock.
    func declareEnding(grace: Double) throws(SupervisionError) {
        try write(Data("\(grace)\n".utf8), to: endingFile)
    }

    /// What is to run; the certificates in it have files of their own.
    func specification() throws(SupervisionError) -> Specification { try read(specificationFile) }
    /// Puts down what is to run.
    /// - Throws: `.file`.
    package func write(_ specification: Specification) throws(SupervisionError) {
        var specification = specification
        specification.credentials = []
        try write(specification, to: specificationFile)
    }

    /// The supervisor; nil where none was started.
    package var supervisor: ProcessRecord? { try? read(supervisorFile) }
    func setSupervisor(_ record: ProcessRecord) throws(SupervisionError) { try write(record, to: supervisorFile) }
    func setProcess(_ record: ProcessRecord, of name: String) throws(SupervisionError) {
        try write(record, to: processFile(of: name))
    }

    /// The last known process under each name, running or not.
    package func processes() -> [(name: String, record: ProcessRecord)] {
        let suffix = ".process.json"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasSuffix(suffix) }.sorted().compactMap { file in
            let name = String(file.dropLast(suffix.count))
            let record: ProcessRecord? = try? read(processFile(of: name))
            return record.map { (name, $0) }
        }
    }

    /// Adds an event to the file.
    func append(_ event: SupervisionEvent) throws(SupervisionError) {
        var event = event
        event.time = Int64(Date().timeIntervalSince1970 * 1e9)
        let number = open(eventFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw SupervisionError(.file, "cannot open \(eventFile): errno \(errno)") }
        defer { _ = close(number) }
        let line = Array(try Self.text(event).utf8) + [UInt8(ascii: "\n")]
        guard Glibc.write(number, line, line.count) == line.count else {
            throw SupervisionError(.file, "cannot write \(eventFile): errno \(errno)")
        }
    }

    /// The events from the given one on; a line that is still being written is left for later.
    package func events(from first: Int) -> [String] {
        guard let data = try? Data(contentsOf: URL(filePath: eventFile)),
            let end = data.lastIndex(of: UInt8(ascii: "\n"))
        else { return [] }
        let lines = data[...end].split(separator: UInt8(ascii: "\n"))
        return lines.dropFirst(first).map { String(decoding: $0, as: UTF8.self) }
    }

    static func text(_ value: some Encodable) throws(SupervisionError) -> String {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw SupervisionError(.file, "cannot write as JSON: \(error)")
        }
    }

    static func parse<Value: Decodable>(_ bytes: Data, from source: String) throws(SupervisionError) -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: bytes)
        } catch {
            throw SupervisionError(
                .remoteFailure,
                "\(source): expected \(Value.self) as JSON, found \(bytes.count) bytes that are not: "
                    + String(decoding: bytes.prefix(200), as: UTF8.self))
        }
    }

    private func read<Value: Decodable>(_ file: String) throws(SupervisionError) -> Value {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: file))
        } catch {
            throw SupervisionError(.file, "cannot read \(file): \(error.localizedDescription)")
        }
        return try Self.parse(data, from: file)
    }

    private func write(_ value: some Encodable, to file: String) throws(SupervisionError) {
        try write(Data(try Self.text(value).utf8), to: file)
    }

    private func write(_ data: Data, to file: String) throws(SupervisionError) {
        do {
            try data.write(to: URL(filePath: file), options: .atomic)
        } catch {
            throw SupervisionError(.file, "cannot write \(file): \(error.localizedDescription)")
        }
    }
}
