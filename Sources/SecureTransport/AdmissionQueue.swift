//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Which callers have not proved themselves yet: a bounded number, in the order in which they came.
///
/// Where one more comes than there is room for, the one that has waited longest gives way. So callers that only sit
/// there keep nobody out: an honest one is done long before so many have come after it. (Turning the newcomer away would
/// let a few idle connections close the door for everybody.)
package struct AdmissionQueue: Sendable {
    /// How many there may be at a time.
    package let limit: Int
    private var places: [Int32: UInt64] = [:]
    private var upcoming: UInt64 = 0

    /// - Precondition: `limit` is positive.
    package init(limit: Int) {
        precondition(limit > 0, "\(limit) callers at a time")
        self.limit = limit
    }

    /// How many there are.
    package var count: Int { places.count }

    /// Takes a caller in.
    /// - Returns: The descriptor of the one that has to leave for it; it is no longer in here.
    /// - Precondition: the descriptor is not in here.
    package mutating func admit(_ descriptor: Int32) -> Int32? {
        precondition(places[descriptor] == nil, "descriptor \(descriptor) was admitted before")
        let evicted = places.count < limit ? nil : places.min { $0.value < $1.value }?.key
        if let evicted { places[evicted] = nil }
        places[descriptor] = upcoming
        upcoming += 1
        return evicted
    }

    /// Forgets a caller: it has proved itself, or has left.
    package mutating func remove(_ descriptor: Int32) {
        places[descriptor] = nil
    }
}
