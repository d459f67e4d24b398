//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Simulation
import Testing

/// Real sockets on the loopback, through the shaped network.
@Suite struct ShapedNetworkTests {
    /// A process of the cluster that sends back what it gets.
    private final class Echo: Sendable {
        let listener: Listener
        private let stop: WakeSignal

        init() throws {
            listener = try Listener(on: Endpoint(host: "127.0.0.1", port: 0))
            stop = try WakeSignal()
            let thread = Thread { [listener, stop] in
                var poller = Poller()
                var sockets: [Plain] = []
                while true {
                    var interests: [Int32: Interest] = [
                        listener.descriptor: .readable, stop.descriptor: .readable,
                    ]
                    for socket in sockets { interests[socket.descriptor] = .readable }
                    guard let ready = try? poller.wait(for: interests, until: .never),
                        ready[stop.descriptor] == nil
                    else { return }
                    if ready[listener.descriptor] != nil, case .accepted(let socket)? = try? listener.accept() {
                        sockets.append(Plain(socket))
                    }
                    sockets.removeAll { socket in
                        guard ready[socket.descriptor] != nil else { return false }
                        guard let bytes = socket.read() else { return true }
                        return !socket.write(bytes)
                    }
                }
            }
            thread.start()
        }

        deinit { stop.fire() }
    }

    /// A plain connection for tests.
    ///
    /// `@unchecked Sendable`: nothing in it changes, and the kernel takes reads and writes of two threads.
    private final class Plain: @unchecked Sendable {
        private let socket: StreamSocket

        init(_ socket: consuming StreamSocket) { self.socket = socket }

        /// Calls from the address of worker `number`.
        static func call(_ endpoint: Endpoint, fromWorker number: Int) throws -> Plain {
            Plain(try StreamSocket.connect(to: endpoint, from: "127.0.1.\(number + 1)", until: .after(.seconds(20))))
        }

        var descriptor: Int32 { socket.descriptor }

        func write(_ bytes: [UInt8]) -> Bool {
            var sent = 0
            var poller = Poller()
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count < 0, errno == EAGAIN {
                    _ = try? poller.wait(for: .writable, of: descriptor, until: .after(.seconds(20)))
                    continue
                }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }

        /// What has come; nil at the end or after a reset.
        func read() -> [UInt8]? {
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            return count > 0 ? Array(bytes[..<count]) : nil
        }

        /// Waits for so many bytes; fewer if the connection ends or time is up.
        func read(_ count: Int, within time: Duration = .seconds(20)) throws -> [UInt8] {
            var bytes: [UInt8] = []
            var poller = Poller()
            let deadline = Deadline.after(time)
            while bytes.count < count {
                guard !(try poller.wait(for: .readable, of: descriptor, until: deadline)).isEmpty else { break }
                guard let more = read() else { break }
                bytes += more
            }
            return bytes
        }
    }

    @Test func bytesComeThroughUnchanged() throws {
        let network = try ShapedNetwork(LinkShape())
        defer { network.end() }
        let echo = try Echo()
        let door = try network.makeDoor(for: .worker(1))
        try network.open(.worker(1), to: echo.listener.localEndpoint)
        let call = try Plain.call(door, fromWorker: 0)
        let sent = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let writer = Thread { _ = call.write(sent) }
        writer.start()
        #expect(try call.read(sent.count) == sent)
    }

    @Test func aLatencyIsWaitedOutBothWays() throws {
        var link = LinkShape()
        try link.setLatency("40ms")
        let network = try ShapedNetwork(link)
        defer { network.end() }
        let echo = try Echo()
        let door = try network.makeDoor(for: .coordinator)
        try network.open(.coordinator, to: echo.listener.localEndpoint)
        let call = try Plain.call(door, fromWorker: 0)
        let began = MonotonicClock.now()
        #expect(call.write([1, 2, 3]))
        #expect(try call.read(3) == [1, 2, 3])
        #expect(MonotonicClock.now().since(began) >= .milliseconds(80))
        try network.setLink(LinkShape())
        #expect(call.write([4]))
        #expect(try call.read(1) == [4])
    }

    @Test func aPartitionHoldsWhatIsSentAndWhoCallsUntilItEnds() throws {
        let network = try ShapedNetwork(LinkShape())
        defer { network.end() }
        let echo = try Echo()
        let door = try network.makeDoor(for: .worker(2))
        try network.open(.worker(2), to: echo.listener.localEndpoint)
        let (zero, one) = (try Plain.call(door, fromWorker: 0), try Plain.call(door, fromWorker: 1))
        #expect(zero.write([0]))
        #expect(try zero.read(1) == [0])
        try network.part(Partition(left: [.worker(0)], right: [.worker(2)]), number: 7)
        #expect(zero.write([1]))
        let late = try Plain.call(door, fromWorker: 0)
        #expect(late.write([2]))
        #expect(one.write([3]))
        #expect(try one.read(1) == [3])
        #expect(try zero.read(1, within: .milliseconds(50)) == [])
        #expect(try late.read(1, within: .milliseconds(50)) == [])
        try network.join(number: 7)
        #expect(try zero.read(1) == [1])
        #expect(try late.read(1) == [2])
    }

    @Test func aCutEndsTheConnectionsOfOneAndNobodyElses() throws {
        let network = try ShapedNetwork(LinkShape())
        defer { network.end() }
        let echo = try Echo()
        let door = try network.makeDoor(for: .coordinator)
        try network.open(.coordinator, to: echo.listener.localEndpoint)
        let (zero, one) = (try Plain.call(door, fromWorker: 0), try Plain.call(door, fromWorker: 1))
        for call in [zero, one] {
            #expect(call.write([9]))
            #expect(try call.read(1) == [9])
        }
        try network.cut(.worker(0))
        #expect(try zero.read(1) == [])
        #expect(one.write([5]))
        #expect(try one.read(1) == [5])
        // It may call again at once.
        let again = try Plain.call(door, fromWorker: 0)
        #expect(again.write([6]))
        #expect(try again.read(1) == [6])
    }

    @Test func nobodyIsReachedThroughAClosedDoor() throws {
        let network = try ShapedNetwork(LinkShape())
        defer { network.end() }
        let echo = try Echo()
        let door = try network.makeDoor(for: .worker(0))
        #expect(throws: TransportError.self) { _ = try Plain.call(door, fromWorker: 1) }
        try network.open(.worker(0), to: echo.listener.localEndpoint)
        let call = try Plain.call(door, fromWorker: 1)
        #expect(call.write([1]))
        #expect(try call.read(1) == [1])
        try network.close(.worker(0))
        #expect(throws: TransportError.self) { _ = try Plain.call(door, fromWorker: 1) }
    }

    @Test func aStrangerIsNotPassedOn() throws {
        let network = try ShapedNetwork(LinkShape())
        defer { network.end() }
        let echo = try Echo()
        let door = try network.makeDoor(for: .worker(0))
        try network.open(.worker(0), to: echo.listener.localEndpoint)
        let stranger = Plain(try StreamSocket.connect(to: door, from: "127.0.0.1", until: .after(.seconds(20))))
        _ = stranger.write([1])
        #expect(try stranger.read(1) == [])
    }
}
