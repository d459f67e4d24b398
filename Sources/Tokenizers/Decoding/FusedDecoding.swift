//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// All that comes is one piece for what follows.
///
/// Nothing can follow from it before the end, save where only ``FusedStripDecoding`` does.
struct FuseDecoding: DecodingStage {
    private var text: [UInt8] = []

    mutating func feed(_ piece: [UInt8], to output: inout [[UInt8]]) {
        text.append(contentsOf: piece)
    }

    mutating func finish(to output: inout [[UInt8]]) {
        output.append(text)
        text = []
    }
}

/// ``StripDecoding`` of a text that comes in parts.
struct FusedStripDecoding: DecodingStage {
    let content: [UInt8]
    /// How many more may go at the start; 0 once something else came.
    private var start: Int
    private let stop: Int
    /// The text's last characters as far as they may go at its end.
    private var held: [UInt8] = []

    init(content: [UInt8], start: Int, stop: Int) {
        self.content = content
        self.start = start
        self.stop = stop
    }

    mutating func feed(_ piece: [UInt8], to output: inout [[UInt8]]) {
        var text = piece[...]
        while start > 0, !text.isEmpty {
            guard text.starts(with: content) else {
                start = 0
                break
            }
            text.removeFirst(content.count)
            start -= 1
        }
        held.append(contentsOf: text)
        var keptFrom = held.count
        var count = 0
        while count < stop, keptFrom >= content.count,
            held[(keptFrom - content.count)..<keptFrom].elementsEqual(content)
        {
            keptFrom -= content.count
            count += 1
        }
        guard keptFrom > 0 else { return }
        output.append(Array(held[..<keptFrom]))
        held.removeFirst(keptFrom)
    }
}
