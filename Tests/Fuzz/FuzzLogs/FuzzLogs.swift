//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import RunRecords

// Log files. The first byte says how the rest is cut into pieces; the same bytes are also what a process wrote to stderr.

/// Keeps what was read from being optimised away.
nonisolated(unsafe) private var total = 0

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzLogs(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let bytes, count >= 1 else {
        return 0
    }
    let pieceLength = Int(bytes[0]) + 1
    let file = Array(UnsafeBufferPointer(start: bytes + 1, count: count - 1))
    var whole = LogLines("all.jsonl")
    let records = whole.take(file)
    var cut = LogLines("all.jsonl")
    var again: [LogRecord] = []
    for start in stride(from: 0, to: file.count, by: pieceLength) {
        again += cut.take(file[start..<min(start + pieceLength, file.count)])
    }
    precondition(records == again, "\(records.count) records at once, \(again.count) in pieces of \(pieceLength)")
    precondition(
        whole.wholeByteCount == (file.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0),
        "whole lines of \(whole.wholeByteCount) bytes")
    for record in records {
        // What was let through is written and read again without loss, and fits into a message once it is clipped.
        let line = record.jsonLine
        var lines = LogLines("all.jsonl")
        precondition(lines.take(Array((line + "\n").utf8)) == [record], "read again: \(line)")
        let clipped = record.clipped()
        precondition(
            (1...128).contains(clipped.event.utf8.count) && clipped.message.utf8.count <= 8192
                && clipped.fields.jsonText.utf8.count <= 16_384, "clipped: \(clipped)")
        precondition([String: LogValue](jsonText: clipped.fields.jsonText) == clipped.fields, "values of \(line)")
        total &+= record.plainLine.utf8.count
    }
    total &+= LogOrder.sorted(records).count
    let text = String(decoding: file, as: UTF8.self)
    total &+= [String: LogValue](jsonText: text)?.count ?? 0
    total &+= LogFilter.time(text, now: 1 << 60) ?? 0

    var transcript = ProcessTranscript(worker: "w", incarnation: 1)
    let written = transcript.take(file, wallNanoseconds: 1, monotonicNanoseconds: 1)
    let endings: [ProcessEnding] = [.exit(code: 0), .exit(code: 1), .signal(9)]
    let ended = transcript.ended(
        endings[pieceLength % endings.count], processID: 1, wasAsked: pieceLength % 2 == 0, wallNanoseconds: 1,
        monotonicNanoseconds: 1)
    let sequences = (written + ended).map(\.sequence)
    precondition(sequences == (1...UInt64(sequences.count)).map { $0 }, "sequences \(sequences)")
    return 0
}
