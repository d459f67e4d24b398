//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Foundation
package import RunRecords
import SecureTransport
import Synchronization

/// Reads what a process writes to its stderr, line by line, until the process has ended, and hands it on as records.
///
/// A supervisor makes one for each start of a process, gives the process `input` as its stderr, says so by `handedOver`, and
/// in the end calls `ended`.
package final class StderrCapture: Sendable {
    /// How long the rest of the output may take once the process has ended: a grandchild may hold the pipe open.
    private static let patience = Duration.seconds(2)

    /// What the process writes to.
    package let input: FileHandle
    private let output: FileHandle
    private let state: Mutex<State>
    private let sink: @Sendable ([LogRecord]) -> Void
    private let reader = Mutex<JoinableThread?>(nil)

    private struct State {
        var transcript: ProcessTranscript
        var readUntil: Deadline?
    }

    /// Reads from now on.
    /// - Parameters:
    ///   - incarnation: Which start of the process it is, a number that grows with each.
    ///   - sink: Takes the records, on a thread of this.
    package init(
        worker: String, incarnation: UInt64 = WorkerIncarnation.next(), sink: @escaping @Sendable ([LogRecord]) -> Void
    ) {
        let pipe = Pipe()
        for end in [pipe.fileHandleForReading, pipe.fileHandleForWriting] {
            // Another worker that inherited it would keep the output open.
            let status = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC)
            precondition(status == 0, "no flags of a new pipe can be set: errno \(errno)")
        }
        input = pipe.fileHandleForWriting
        output = pipe.fileHandleForReading
        state = Mutex(State(transcript: ProcessTranscript(worker: worker, incarnation: incarnation)))
        self.sink = sink
        reader.withLock { reader in
            reader = JoinableThread(name: "stderr of \(worker)") { [self] in read() }
        }
    }

    /// The process has its stderr, or will never run: without this the end of the output would not be seen.
    package func handedOver() throws {
        try input.close()
    }

    /// The process has ended.
    ///
    /// Waits for the rest of its output, hands on the record of its end, and returns its last lines.
    /// - Parameter wasAsked: whether it was wanted to end.
    package func ended(_ ending: ProcessEnding, processID: Int, wasAsked: Bool) -> [String] {
        state.withLock { $0.readUntil = .after(Self.patience) }
        reader.withLock { $0 }?.join()
        let (records, lines) = state.withLock { state in
            let records = state.transcript.ended(
                ending, processID: processID, wasAsked: wasAsked, wallNanoseconds: RunClock.now(),
                monotonicNanoseconds: Int(MonotonicClock.now().nanoseconds))
            return (records, state.transcript.lastLines)
        }
        sink(records)
        return lines
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        var poller = Poller()
        while true {
            let until = state.withLock { $0.readUntil }
            do {
                let slice = Deadline.after(.milliseconds(200))
                let ready = try poller.wait(
                    for: .readable, of: output.fileDescriptor, until: until.map { min($0, slice) } ?? slice)
                if ready.isEmpty {
                    if let until, until.hasPassed { return }
                    continue
                }
            } catch {
                return
            }
            let count = Glibc.read(output.fileDescriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return }
            let records = state.withLock { state in
                state.transcript.take(
                    buffer[..<count], wallNanoseconds: RunClock.now(),
                    monotonicNanoseconds: Int(MonotonicClock.now().nanoseconds))
            }
            sink(records)
        }
    }
}
