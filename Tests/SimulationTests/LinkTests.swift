//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Simulation
import Testing

@Suite struct LinkTests {
    @Test func bytesLeaveOneAfterTheOtherAtTheLinksRate() {
        var clock = LinkClock()
        #expect(clock.send(1000, at: 0, bytesPerSecond: 1_000_000) == 1_000_000)
        #expect(clock.send(500, at: 200_000, bytesPerSecond: 1_000_000) == 1_500_000)
        #expect(clock.send(500, at: 9_000_000, bytesPerSecond: 1_000_000) == 9_500_000)
        #expect(clock.send(1 << 30, at: 9_600_000, bytesPerSecond: nil) == 9_600_000)
    }

    @Test func allConnectionsOfAMachineShareItsLink() throws {
        var link = LinkShape()
        try link.setLatency("5ms")
        try link.setBandwidth("8mbit")
        var rules = NetworkRules(link)
        #expect(rules.arrival(ofBytes: 1000, from: .worker(0), at: 0) == 6_000_000)
        #expect(rules.arrival(ofBytes: 1000, from: .worker(0), at: 0) == 7_000_000)
        #expect(rules.arrival(ofBytes: 1000, from: .worker(1), at: 0) == 6_000_000)
        rules.link = LinkShape()
        #expect(rules.arrival(ofBytes: 1000, from: .worker(0), at: 8_000_000) == 8_000_000)
    }

    @Test func partitionsHoldUntilEachIsJoined() {
        var rules = NetworkRules(LinkShape())
        let first = Partition(left: [.worker(0), .coordinator], right: [.worker(1)])
        let second = Partition(left: [.worker(1)], right: [.worker(0), .worker(2)])
        rules.part(first, number: 1)
        rules.part(second, number: 2)
        #expect(rules.holds(.worker(1), .coordinator))
        #expect(rules.holds(.worker(0), .worker(1)))
        #expect(!rules.holds(.worker(0), .coordinator))
        rules.join(number: 1)
        #expect(!rules.holds(.worker(1), .coordinator))
        #expect(rules.holds(.worker(0), .worker(1)))
        rules.join(number: 2)
        #expect(!rules.holds(.worker(0), .worker(1)))
    }

    @Test func bytesArriveInOrderAndNotBeforeTheirTime() {
        var bytes = BytesUnderWay()
        bytes.add([1, 2, 3][...], arrival: 100)
        // The latency was made smaller: what was sent later still arrives later.
        bytes.add([4, 5][...], arrival: 50)
        bytes.add([6][...], arrival: 200)
        #expect(bytes.nextArrival == 100)
        var got: [UInt8] = []
        bytes.deliver(at: 99) {
            got += $0
            return $0.count
        }
        #expect(got == [])
        bytes.deliver(at: 100) {
            got += $0
            return $0.count
        }
        #expect(got == [1, 2, 3, 4, 5])
        #expect(bytes.nextArrival == 200)
        #expect(bytes.byteCount == 1)
        bytes.deliver(at: 200) {
            got += $0
            return $0.count
        }
        #expect(got == [1, 2, 3, 4, 5, 6])
        #expect(bytes.isEmpty)
        #expect(bytes.nextArrival == nil)
    }

    @Test func aReceiverMayTakeAsLittleAsItLikes() {
        var bytes = BytesUnderWay()
        let sent = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        for start in stride(from: 0, to: 1000, by: 7) {
            bytes.add(sent[start..<min(1000, start + 7)], arrival: Int64(start))
        }
        var got: [UInt8] = []
        var calls = 0
        while !bytes.isEmpty {
            bytes.deliver(at: 5000) { piece in
                calls += 1
                guard calls % 4 != 0 else { return 0 }
                let count = min(piece.count, 3)
                got += piece[..<count]
                return count
            }
        }
        #expect(got == sent)
    }

    @Test func whatIsUnderWayIsBounded() {
        var bytes = BytesUnderWay()
        #expect(bytes.hasRoom)
        bytes.add([UInt8](repeating: 0, count: BytesUnderWay.limit)[...], arrival: 0)
        #expect(!bytes.hasRoom)
        bytes.deliver(at: 0) { min($0.count, 1) }
        #expect(bytes.isEmpty)
    }
}
