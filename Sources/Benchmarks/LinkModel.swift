//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Collectives

/// What a network between workers is like, for a formula and for a simulation; nothing here is measured.
///
/// Every worker has one interface that sends and receives at the same time, each direction at the same rate, one
/// message after the other. Between the interfaces lies a switch that holds nothing up. TCP's windows, lost packets and
/// the processor's time for TLS are not in it; the last can be put into the rate.
package struct LinkModel: Hashable, Sendable {
    /// The way of a byte from one interface to another, in seconds.
    package var latency: Double
    /// What an interface sends and what it receives, in bytes a second each.
    package var bytesPerSecond: Double
    /// How long a message occupies its sender's interface, and then its receiver's, besides its bytes, in seconds.
    package var secondsPerMessage: Double
    /// By how much each further peer that sends to one receiver slows what that receives, as a part of a byte's time.
    ///
    /// As in `ExchangeCosts`: several streams meet in one port of a switch.
    package var crowding: Double
    /// In how many bytes an element travels: a gradient's sums take four on average.
    package var elementByteCount: Int

    /// - Precondition: A rate above zero, at least one byte an element, no negative time.
    package init(
        latency: Double, bytesPerSecond: Double, secondsPerMessage: Double = 10e-6, crowding: Double = 0.02,
        elementByteCount: Int = 4
    ) {
        precondition(
            latency >= 0 && bytesPerSecond > 0 && secondsPerMessage >= 0 && crowding >= 0 && elementByteCount > 0,
            "a link of \(latency) s, \(bytesPerSecond) bytes/s, \(secondsPerMessage) s a message, crowding \(crowding)")
        self.latency = latency
        self.bytesPerSecond = bytesPerSecond
        self.secondsPerMessage = secondsPerMessage
        self.crowding = crowding
        self.elementByteCount = elementByteCount
    }

    /// From what workers on such links choose an algorithm, had they measured them without error.
    ///
    /// `ExchangeCosts` counts elements as they lie in memory, so its time of a byte is made up for those that travel.
    package var costs: ExchangeCosts {
        let travelling = Double(elementByteCount) / Double(MemoryLayout<Int64>.size)
        return ExchangeCosts(
            latency: latency + secondsPerMessage, perMessage: secondsPerMessage, perByte: travelling / bytesPerSecond,
            crowding: crowding, perAddedByte: 0)
    }

    /// How long a message occupies its sender's interface, in seconds.
    func sendingSeconds(elementCount: Int) -> Double {
        secondsPerMessage + Double(elementCount * elementByteCount) / bytesPerSecond
    }

    /// How long a message occupies its receiver's interface, in seconds.
    /// - Parameter senderCount: How many peers send to that receiver in the exchange.
    func receivingSeconds(elementCount: Int, senderCount: Int) -> Double {
        let crowded = 1 + crowding * Double(max(senderCount - 1, 0))
        return secondsPerMessage + Double(elementCount * elementByteCount) * crowded / bytesPerSecond
    }

    /// From the moment a message begins to leave until its receiver's interface begins to take it, in seconds.
    var secondsOnTheWay: Double { secondsPerMessage + latency }
}
