//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Everything that one worker sends and receives in one all-reduce, as plain values.
///
/// The scripts of all workers fit together: what one sends on a link is what the other expects there, in that order.
/// Tests hold every schedule against that, and against the rule that every element is added exactly once.
package struct ExchangeScript: Hashable, Sendable {
    /// A stretch of the vector that is sent.
    package struct Send: Hashable, Sendable {
        package let peer: Int
        package let range: Range<Int>
        /// The receives, by index, that must be done before; the stretch is then sent as it is summed.
        ///
        /// None: it is sent as this worker's own vector has it, whatever was added meanwhile.
        package let after: [Int]
    }

    /// What is done with a stretch that has come in.
    package enum Action: Hashable, Sendable {
        /// It is a partial sum: added to this worker's.
        case add
        /// It is the final sum: put in place of this worker's.
        case replace
    }

    /// A stretch of the vector that is received.
    package struct Receive: Hashable, Sendable {
        package let peer: Int
        package let range: Range<Int>
        package let action: Action
    }

    /// In order for each peer.
    package private(set) var sends: [Send] = []
    /// In order for each peer.
    package private(set) var receives: [Receive] = []
    mutating func send(_ range: Range<Int>, to peer: Int, after: [Int] = []) {
        sends.append(Send(peer: peer, range: range, after: after))
    }

    /// - Returns: The receive's index.
    @discardableResult
    mutating func receive(_ range: Range<Int>, from peer: Int, _ action: Action) -> Int {
        receives.append(Receive(peer: peer, range: range, action: action))
        return receives.count - 1
    }
}
