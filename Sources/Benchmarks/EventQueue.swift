//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What is going to happen in a simulation, the earliest first; of what happens at the same time, what was added first.
///
/// A binary heap.
struct EventQueue<Event> {
    private struct Entry {
        let time: Double
        let order: Int
        let event: Event

        func isBefore(_ other: Entry) -> Bool { (time, order) < (other.time, other.order) }
    }

    /// No entry is before the one at half its index, counted from 1.
    private var heap: [Entry] = []
    private var addedCount = 0

    /// - Parameter time: In seconds from the simulation's start.
    mutating func add(_ event: Event, at time: Double) {
        heap.append(Entry(time: time, order: addedCount, event: event))
        addedCount += 1
        var place = heap.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard heap[place].isBefore(heap[parent]) else { return }
            heap.swapAt(place, parent)
            place = parent
        }
    }

    /// Takes the next event out; nil when nothing is going to happen.
    mutating func next() -> (time: Double, event: Event)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.time, first.event)
    }

    private mutating func sink() {
        var place = 0
        while true {
            let left = 2 * place + 1
            guard left < heap.count else { return }
            let right = left + 1
            let child = right < heap.count && heap[right].isBefore(heap[left]) ? right : left
            guard heap[child].isBefore(heap[place]) else { return }
            heap.swapAt(place, child)
            place = child
        }
    }
}
