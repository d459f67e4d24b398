//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels
import Foundation
import Synchronization
import Tensors
import Testing

@Suite("Threads that help each other with products")
struct ProductCrewTests {
    /// Runs `work` as one member of a crew of threads each, and returns when all are done.
    /// - Returns: Nanoseconds that they worked for each other.
    @discardableResult
    private func runCrew(of memberCount: Int, work: @escaping @Sendable (_ member: Int) -> Void) -> UInt64 {
        let crew = ProductCrew(memberCount: memberCount)
        let done = DispatchGroup()
        let helped = Atomic<UInt64>(0)
        crew.begin()
        for member in 0..<memberCount {
            done.enter()
            let thread = Thread {
                crew.join()
                work(member)
                helped.add(crew.help(), ordering: .relaxed)
                done.leave()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        done.wait()
        return helped.load(ordering: .relaxed)
    }

    /// What a job's parts tell and learn.
    private final class Meeting: Sendable {
        let threads = Mutex<Set<UInt>>([])
        let jobs = Atomic<Int>(0)
        let taken = (0..<64).map { _ in Counter() }

        final class Counter: Sendable {
            let value = Atomic<Int>(0)
        }
    }

    @Test("a member that is free takes part in another one's job")
    func takesPart() {
        let meeting = Meeting()
        runCrew(of: 3) { member in
            guard member == 0 else { return }
            let deadline = ContinuousClock.now + .seconds(60)
            // A job that finds nobody free yet is done by its owner alone, and done again.
            while meeting.threads.withLock({ $0.count }) < 2, ContinuousClock.now < deadline {
                ck_share(
                    8,
                    { job, _, _ in
                        guard let job else { return }
                        let meeting = Unmanaged<Meeting>.fromOpaque(job).takeUnretainedValue()
                        _ = meeting.threads.withLock { $0.insert(UInt(pthread_self())) }
                        sched_yield()
                    }, Unmanaged.passUnretained(meeting).toOpaque())
            }
        }
        #expect(meeting.threads.withLock { $0.count } >= 2)
    }

    @Test("every unit of a job is done once, whoever is free", arguments: 1...5)
    func once(memberCount: Int) {
        for count in [0, 1, 2, 3, 7, 8, 31, 64] {
            let meeting = Meeting()
            let deadline = ContinuousClock.now + .seconds(60)
            runCrew(of: memberCount) { member in
                // Some come late, and all have jobs of their own; the first goes on until it was helped.
                var jobs = 1 + member * 3 % 7
                while jobs > 0 {
                    jobs -= 1
                    meeting.jobs.add(1, ordering: .relaxed)
                    ck_share(
                        count,
                        { job, begin, end in
                            guard let job else { return }
                            let meeting = Unmanaged<Meeting>.fromOpaque(job).takeUnretainedValue()
                            for unit in begin..<end { meeting.taken[unit].value.add(1, ordering: .relaxed) }
                            _ = meeting.threads.withLock { $0.insert(UInt(pthread_self())) }
                            sched_yield()
                        }, Unmanaged.passUnretained(meeting).toOpaque())
                    let isAlone = meeting.threads.withLock { $0.count } < min(memberCount, 2)
                    if member == 0, jobs == 0, count > 1, isAlone, ContinuousClock.now < deadline { jobs = 1 }
                }
            }
            if count > 1 { #expect(meeting.threads.withLock { $0.count } >= min(memberCount, 2)) }
            let jobs = meeting.jobs.load(ordering: .relaxed)
            for unit in 0..<64 {
                #expect(meeting.taken[unit].value.load(ordering: .relaxed) == (unit < count ? jobs : 0))
            }
        }
    }

    /// Large enough to be shared, with ends of all kinds.
    private static let shapes = [
        (rows: 96, columns: 211, depth: 1200), (rows: 130, columns: 480, depth: 391),
        (rows: 183, columns: 257, depth: 512), (rows: 97, columns: 300, depth: 768),
        (rows: 120, columns: 1537, depth: 64), (rows: 150, columns: 384, depth: 384),
    ]

    @Test("a product has the same bits whoever computes which part of it", arguments: [1, 2, 3, 5], [1, 3, 4])
    func sameBits(memberCount: Int, level: Int) {
        // This thread is of no crew.
        let expected = ProductKernels.withLevel(atMost: level) { Self.shapes.map { Self.products($0) } }
        let mismatches = Mutex<[String]>([])
        let deadline = ContinuousClock.now + .seconds(60)
        var helped: UInt64 = 0
        repeat {
            helped += runCrew(of: memberCount) { member in
                // Each has more to do than the one before, and is helped by those that are done.
                for (place, shape) in Self.shapes.enumerated() where place <= member || member == memberCount - 1 {
                    let found = ProductKernels.withLevel(atMost: level) { Self.products(shape) }
                    if found != expected[place] {
                        mismatches.withLock { $0.append("\(shape) of member \(member)") }
                    }
                }
            }
        } while memberCount > 1 && helped == 0 && ContinuousClock.now < deadline
        #expect(mismatches.withLock { $0 } == [])
        #expect(memberCount == 1 || helped > 0)
    }

    /// Products of a shape in all directions, as bits, with what lies beside them.
    private static func products(_ shape: (rows: Int, columns: Int, depth: Int)) -> [[UInt32]] {
        let workspace = Workspace()
        let x = uniform(shape.rows, shape.depth, seed: 1)
        let weight = uniform(shape.columns, shape.depth, seed: 2)
        let bias = uniform(1, shape.columns, seed: 3)
        let z = uniform(shape.rows, 5, seed: 4)
        let up = uniform(shape.columns, 5, seed: 5)
        func inside(_ rows: Int, _ columns: Int) -> (whole: Matrix, part: Matrix) {
            let whole = Matrix(rows: rows, columns: columns + 9)
            whole.fill(-1)
            return (whole, whole.columns(4..<4 + columns))
        }
        let forward = inside(shape.rows, shape.columns)
        forward.part.setProduct(
            PackedRows(x, in: workspace), transposed: weight, bias: bias, plus: (PackedRows(z, in: workspace), up))
        let bare = inside(shape.rows, shape.columns)
        bare.part.setProduct(PackedRows(x, in: workspace), transposed: weight)
        let backward = inside(shape.rows, shape.depth)
        backward.part.setProduct(forward.part, weight, adding: true)
        let contracted = inside(shape.depth, shape.columns)
        contracted.part.setProduct(transposed: x, forward.part)
        let other = inside(shape.columns, shape.depth)
        other.part.setProduct(transposed: forward.part, x, adding: true)
        return [forward, bare, backward, contracted, other].map { $0.whole.values.map(\.bitPattern) }
    }
}
