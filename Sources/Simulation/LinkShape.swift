//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What the links of a simulated network are like.
package struct LinkShape: Hashable, Sendable {
    /// The way of a byte from one machine to another, one way.
    package var latency = Duration.zero
    /// What a machine's link takes in a second, each way, in bytes; nil for no bound.
    package var bytesPerSecond: Double?

    package init() {}

    package var isShaped: Bool { latency > .zero || bytesPerSecond != nil }

    /// `5ms`.
    package mutating func setLatency(_ text: String) throws(FaultPlanError) {
        guard let time = Quantities.duration(text), time <= .seconds(60) else {
            throw FaultPlanError("--latency \(text): expected a time of at most a minute, as in 5ms")
        }
        latency = time
    }

    /// `1gbit`, `50mbit`.
    package mutating func setBandwidth(_ text: String) throws(FaultPlanError) {
        guard let rate = Quantities.bytesPerSecond(text) else {
            throw FaultPlanError("--bandwidth \(text): expected bits a second, as in 1gbit, 50mbit or 800kbit")
        }
        bytesPerSecond = rate
    }
}

/// When a machine's link has sent what it was given: bytes go out one after the other at its rate.
///
/// Times are nanoseconds of a monotonic clock.
package struct LinkClock: Sendable {
    private var isFreeAt: Int64 = 0

    package init() {}

    /// Takes bytes to send.
    /// - Returns: When the last of them has left the machine.
    package mutating func send(_ byteCount: Int, at now: Int64, bytesPerSecond: Double?) -> Int64 {
        let start = max(now, isFreeAt)
        guard let bytesPerSecond else {
            isFreeAt = start
            return start
        }
        isFreeAt = start + Int64((Double(byteCount) / bytesPerSecond * 1e9).rounded(.up))
        return isFreeAt
    }
}

/// Bytes on their way in one direction of a connection, in order, each with the time at which it arrives.
///
/// Bounded: while it is full nothing is taken from the sender, whose own buffers then fill up as on a real link.
package struct BytesUnderWay: Sendable {
    /// What may be under way: 1 Gbit/s for 16 ms, or less for longer.
    package static let limit = 2 << 20

    private var pieces: [(arrival: Int64, bytes: [UInt8])] = []
    private var first = 0
    /// How much of the first piece has been handed over.
    private var taken = 0
    package private(set) var byteCount = 0
    /// Arrivals never go back: a connection's bytes stay in order when the latency is changed.
    private var lastArrival: Int64 = 0

    package init() {}

    package var hasRoom: Bool { byteCount < Self.limit }
    package var isEmpty: Bool { byteCount == 0 }

    /// When the next byte arrives; nil if none is under way.
    package var nextArrival: Int64? { first < pieces.count ? pieces[first].arrival : nil }

    package mutating func add(_ bytes: ArraySlice<UInt8>, arrival: Int64) {
        guard !bytes.isEmpty else { return }
        lastArrival = max(lastArrival, arrival)
        pieces.append((lastArrival, Array(bytes)))
        byteCount += bytes.count
    }

    /// Hands over what has arrived, piece by piece, until `write` takes no more.
    /// - Parameter write: Takes the first of the bytes; returns how many, 0 if none at present.
    package mutating func deliver(at now: Int64, _ write: (UnsafeRawBufferPointer) throws -> Int) rethrows {
        while first < pieces.count, pieces[first].arrival <= now {
            let (start, size) = (taken, pieces[first].bytes.count)
            let count = try pieces[first].bytes.withUnsafeBytes { bytes in
                try write(UnsafeRawBufferPointer(rebasing: bytes[start...]))
            }
            guard count > 0 else { break }
            byteCount -= count
            taken += count
            guard taken == size else { continue }
            taken = 0
            first += 1
        }
        // Amortised: what is done goes when it is most of the list.
        if first > 32, first * 2 > pieces.count {
            pieces.removeFirst(first)
            first = 0
        }
    }
}
