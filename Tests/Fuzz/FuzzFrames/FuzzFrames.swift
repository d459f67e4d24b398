//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Wire

// What arrives on a link: frames, and every message in them.
//
// The first byte chooses how the rest is read:
// - even: a stream on one of the four links, appended in pieces whose length the second byte gives;
// - odd: one message whose kind the second byte gives; the third says how many of the last bytes are raw bytes. This
//   way the fuzzer need not guess lengths to reach the messages.

private let links: [FrameLimits] = [.joining, .fromWorker, .fromCoordinator, .dataLink]

/// Keeps what was read from being optimised away.
nonisolated(unsafe) private var total = 0

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzFrames(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    guard input.count >= 3 else {
        return 0
    }
    let rest = Array(input.dropFirst(3))
    do {
        if input[0] % 2 == 0 {
            try readStream(rest, limits: links[Int(input[0] / 2) % links.count], pieceLength: Int(input[1]) + 1)
        } else {
            let kind = FrameKind.allCases[Int(input[1]) % FrameKind.allCases.count]
            let rawCount = min(Int(input[2]), rest.count)
            try read(Frame(kind: kind, header: Array(rest.dropLast(rawCount)), raw: Array(rest.suffix(rawCount))))
        }
    } catch {
        total &+= error.description.utf8.count
    }
    return 0
}

private func readStream(_ bytes: [UInt8], limits: FrameLimits, pieceLength: Int) throws(WireError) {
    var decoder = FrameDecoder(limits: limits)
    for start in stride(from: 0, to: bytes.count, by: pieceLength) {
        try decoder.append(Array(bytes[start..<min(start + pieceLength, bytes.count)]))
        while let frame = try decoder.next() {
            try read(frame)
        }
    }
    precondition(decoder.waitingByteCount <= bytes.count, "\(decoder.waitingByteCount) bytes wait of \(bytes.count)")
}

/// Reads a chunk's elements, as far as they are there, and adds them to others.
///
/// What was read must be what is read again after it was packed anew.
private func readBlocks(_ raw: [UInt8], elementCount: Int) throws(WireError) {
    var (start, place) = (0, 0)
    while place < elementCount {
        let count = min(PackedIntegers.blockElementCount, elementCount - place)
        var elements = [Int64](repeating: 0, count: count)
        guard let byteCount = try unpack(raw[start...], into: &elements) else { return }
        let packed = PackedIntegers.packed(elements)
        var again = [Int64](repeating: 0, count: count)
        precondition(
            packed.count <= byteCount, "\(count) elements came in \(byteCount) bytes and leave in \(packed.count)")
        let isWhole = try unpack(packed[...], into: &again) == packed.count
        precondition(isWhole && again == elements, "\(elements) come back as \(again)")
        start += byteCount
        place += count
    }
}

private func unpack(_ bytes: ArraySlice<UInt8>, into elements: inout [Int64]) throws(WireError) -> Int? {
    var outcome: Result<Int?, WireError> = .success(nil)
    bytes.withUnsafeBytes { bytes in
        do throws(WireError) {
            guard let block = try PackedIntegers.Block(atFrontOf: bytes, elementCount: elements.count) else { return }
            elements.withUnsafeMutableBufferPointer { block.unpack(into: $0) }
            var sums = elements
            let fits = sums.withUnsafeMutableBufferPointer { block.add(to: UnsafeBufferPointer($0), into: $0) }
            let doubles = elements.map { $0.addingReportingOverflow($0) }
            precondition(
                sums == doubles.map(\.partialValue) && fits == !doubles.contains(where: \.overflow),
                "\(elements) become \(sums) when they are added to themselves; fits: \(fits)")
            outcome = .success(block.byteCount)
        } catch {
            outcome = .failure(error)
        }
    }
    return try outcome.get()
}

/// Reads a frame's message.
///
/// What was let through must be a message that can be sent and comes back the same.
private func read(_ frame: Frame) throws(WireError) {
    switch frame.kind {
    case .chunk:
        let header = try ChunkHeader(validating: frame.header[...], rawByteCount: frame.raw.count)
        precondition(
            header.encodeWithPrefix(packedByteCount: frame.raw.count).dropFirst(FramePrefix.byteCount)
                .elementsEqual(frame.header),
            "\(header) goes out otherwise than it came in")
        try readBlocks(frame.raw, elementCount: header.elementCount)
    case .linkHello:
        let hello = try LinkHello(decoding: frame)
        var decoder = FrameDecoder(limits: .dataLink)
        try decoder.append(hello.encode())
        let again = try decoder.next().map { frame throws(WireError) in try LinkHello(decoding: frame) }
        precondition(again == hello, "\(hello) comes back as \(String(describing: again))")
        total &+= hello.generation
    default:
        let message = try ControlMessage(decoding: frame)
        let again = try ControlMessage(decoding: message.frame)
        precondition(again == message, "\(message) comes back as \(again)")
        total &+= message.encode().count
    }
}
