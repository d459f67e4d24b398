//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Whom a fault befalls.
package enum FaultTarget: Hashable, Sendable, CustomStringConvertible {
    case coordinator
    /// A worker by its number, from 0.
    case worker(Int)

    /// Parses `coordinator` or a worker's number.
    init(parsing text: Substring) throws(FaultPlanError) {
        if text == "coordinator" {
            self = .coordinator
        } else if let number = Int(text), (0..<250).contains(number) {
            self = .worker(number)
        } else {
            throw FaultPlanError("\"\(text)\" is neither \"coordinator\" nor a worker's number from 0")
        }
    }

    /// The name in its certificate.
    package var description: String {
        switch self {
        case .coordinator: "coordinator"
        case .worker(let number): "worker-\(number)"
        }
    }
}

/// Two sides between which nothing passes; who is on both sides is reached by both.
package struct Partition: Hashable, Sendable, CustomStringConvertible {
    package let left: Set<FaultTarget>
    package let right: Set<FaultTarget>

    package init(left: Set<FaultTarget>, right: Set<FaultTarget>) {
        self.left = left
        self.right = right
    }

    /// Whether bytes between the two are held up.
    package func separates(_ one: FaultTarget, _ other: FaultTarget) -> Bool {
        func isApart(_ one: FaultTarget, _ other: FaultTarget) -> Bool {
            left.contains(one) && !right.contains(one) && right.contains(other) && !left.contains(other)
        }
        return isApart(one, other) || isApart(other, one)
    }

    package var description: String {
        func names(_ side: Set<FaultTarget>) -> String { side.map(\.description).sorted().joined(separator: ", ") }
        return "\(names(left)) | \(names(right))"
    }
}

/// Something that goes wrong at a place of the run.
package struct Fault: Hashable, Sendable, CustomStringConvertible {
    package enum Action: Hashable, Sendable {
        /// The process is killed (SIGKILL).
        case kill(FaultTarget)
        /// The process is stopped (SIGSTOP) for so long.
        case stop(FaultTarget, Duration)
        /// Every connection of the worker is reset; it may call again at once.
        case disconnect(FaultTarget)
        /// Nothing passes between two sides for so long; what was sent arrives afterwards.
        case partition(Partition, Duration)
        /// The worker is started only now.
        case join(FaultTarget)
    }

    package let action: Action
    package let place: RunPlace

    package init(_ action: Action, at place: RunPlace) {
        self.action = action
        self.place = place
    }

    /// What kind of fault it is, in a word.
    package var kind: String {
        switch action {
        case .kill(.coordinator): "kill-coordinator"
        case .kill: "kill"
        case .stop: "stop"
        case .disconnect: "disconnect"
        case .partition: "partition"
        case .join: "join"
        }
    }

    package var description: String {
        let what =
            switch action {
            case .kill(let target): "\(target) is killed"
            case .stop(let target, let time): "\(target) is stopped for \(time)"
            case .disconnect(let target): "\(target)'s connections are reset"
            case .partition(let partition, let time): "\(partition) are apart for \(time)"
            case .join(let target): "\(target) starts"
            }
        return "\(place): \(what)"
    }
}

/// Everything that is to go wrong in a run, and what its network is like.
package struct FaultPlan: Hashable, Sendable {
    package var faults: [Fault] = []
    /// How many times as long as elsewhere a worker's shards last.
    package var slowness: [Int: Double] = [:]
    package var link = LinkShape()

    package init() {}

    /// Whether the network has to be shaped, or the coordinator to be a process that can be killed.
    package var needsProcesses: Bool { !faults.isEmpty || link.isShaped }

    /// The workers that start late.
    package var lateWorkers: Set<Int> {
        Set(
            faults.compactMap { fault in
                if case .join(.worker(let number)) = fault.action { number } else { nil }
            })
    }

    /// Makes sure that every worker of the plan is one of the first `workers`, or one that joins.
    package func check(workers: Int) throws(FaultPlanError) {
        let joining = lateWorkers
        if let early = joining.first(where: { $0 < workers }) {
            throw FaultPlanError(
                "--join \(early): the run begins with workers 0 to \(workers - 1); one that joins late is \(workers) or above"
            )
        }
        func check(_ target: FaultTarget) throws(FaultPlanError) {
            guard case .worker(let number) = target else { return }
            guard number < workers || joining.contains(number) else {
                throw FaultPlanError(
                    "there is no worker \(number): the run has workers 0 to \(workers - 1)"
                        + (joining.isEmpty ? "" : ", and those that join"))
            }
        }
        for fault in faults {
            switch fault.action {
            case .kill(let target), .stop(let target, _), .join(let target): try check(target)
            case .disconnect(let target): try check(target)
            case .partition(let partition, _):
                for target in partition.left.union(partition.right) { try check(target) }
            }
        }
        for number in slowness.keys { try check(.worker(number)) }
    }
}

// What the flags of `loradrop simulate` say.
extension FaultPlan {
    /// `1@20`, `coordinator@50`, `0@importance`.
    package mutating func kill(_ text: String) throws(FaultPlanError) {
        let (target, place) = try Self.atPlace(text, of: "--kill", example: "1@20")
        faults.append(Fault(.kill(try FaultTarget(parsing: target)), at: place))
    }

    /// `2@30:10s`, `2@evaluation:2:10s`.
    package mutating func stop(_ text: String) throws(FaultPlanError) {
        let (rest, time) = try Self.forTime(text, of: "--stop", example: "2@30:10s")
        let (target, place) = try Self.atPlace(rest, of: "--stop", example: "2@30:10s")
        faults.append(Fault(.stop(try FaultTarget(parsing: target), time), at: place))
    }

    /// `1@12`.
    package mutating func disconnect(_ text: String) throws(FaultPlanError) {
        let (target, place) = try Self.atPlace(text, of: "--disconnect", example: "1@12")
        let worker = try FaultTarget(parsing: target)
        guard worker != .coordinator else {
            throw FaultPlanError("--disconnect \(text): expected a worker; cut them all to cut the coordinator off")
        }
        faults.append(Fault(.disconnect(worker), at: place))
    }

    /// `3@10`.
    package mutating func join(_ text: String) throws(FaultPlanError) {
        let (target, place) = try Self.atPlace(text, of: "--join", example: "3@10")
        let worker = try FaultTarget(parsing: target)
        guard worker != .coordinator else { throw FaultPlanError("--join \(text): expected a worker's number") }
        guard !faults.contains(where: { $0.action == .join(worker) }) else {
            throw FaultPlanError("--join \(text): \(worker) joins twice")
        }
        faults.append(Fault(.join(worker), at: place))
    }

    /// `0,1|2@40:5s`.
    ///
    /// A coordinator that is not named is with the left side.
    package mutating func partition(_ text: String) throws(FaultPlanError) {
        let example = "0,1|2@40:5s"
        let (rest, time) = try Self.forTime(text, of: "--partition", example: example)
        let (groups, place) = try Self.atPlace(rest, of: "--partition", example: example)
        let sides = groups.split(separator: "|", omittingEmptySubsequences: false)
        guard sides.count == 2 else {
            throw FaultPlanError("--partition \(text): expected two sides with | between, as in \(example)")
        }
        var members: [Set<FaultTarget>] = []
        for side in sides {
            var targets: Set<FaultTarget> = []
            for name in side.split(separator: ",", omittingEmptySubsequences: false) {
                targets.insert(try FaultTarget(parsing: name))
            }
            members.append(targets)
        }
        if !members[1].contains(.coordinator) {
            members[0].insert(.coordinator)
        }
        faults.append(Fault(.partition(Partition(left: members[0], right: members[1]), time), at: place))
    }

    /// `2=3x`.
    package mutating func slow(_ text: String) throws(FaultPlanError) {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        let factor = parts.count == 2 && parts[1].hasSuffix("x") ? Double(parts[1].dropLast()) : nil
        guard let factor, factor >= 1, factor <= 1000 else {
            throw FaultPlanError("--slow \(text): expected a worker and a factor from 1 to 1000, as in 2=3x")
        }
        guard case .worker(let number) = try FaultTarget(parsing: parts[0]) else {
            throw FaultPlanError("--slow \(text): expected a worker's number")
        }
        slowness[number] = factor
    }

    private static func atPlace(
        _ text: some StringProtocol, of flag: String, example: String
    ) throws(FaultPlanError) -> (Substring, RunPlace) {
        let parts = String(text).split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw FaultPlanError("\(flag) \(text): expected who@where, as in \(example)")
        }
        return (parts[0], try RunPlace(parsing: String(parts[1])))
    }

    private static func forTime(
        _ text: String, of flag: String, example: String
    ) throws(FaultPlanError) -> (Substring, Duration) {
        guard let colon = text.lastIndex(of: ":"),
            let time = Quantities.duration(String(text[text.index(after: colon)...]))
        else {
            throw FaultPlanError("\(flag) \(text): expected a time at the end (500ms, 10s, 2m), as in \(example)")
        }
        return (text[..<colon], time)
    }
}
