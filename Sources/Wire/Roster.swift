//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Coordinator to worker: who takes part from now on.
package struct Roster: WireMessage {
    /// One worker.
    package struct Member: Hashable, Sendable {
        /// Its place in the exchange.
        package let workerRank: Int
        /// The name that its certificate must carry.
        package let name: String
        /// Where its data port is reached: "host:port".
        package let dataEndpoint: String
        /// How many shards it computes at a time.
        package let slots: Int

        /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
        package init(workerRank: Int, name: String, dataEndpoint: String, slots: Int) throws(WireError) {
            let check = FieldChecks("Member")
            try check.integer("worker_rank", workerRank, 0...(FieldChecks.maximumMembers - 1))
            try check.name("name", name, 1...128)
            try check.endpoint("data_endpoint", dataEndpoint)
            try check.integer("slots", slots, 1...4096)
            self.workerRank = workerRank
            self.name = name
            self.dataEndpoint = dataEndpoint
            self.slots = slots
        }
    }

    static let kind = FrameKind.roster

    /// Counts rosters of a run, from 1.
    package let generation: Int
    /// All members; the index is the worker rank.
    package let members: [Member]

    /// - Throws: `WireError` with `badField` for a field out of range, ranks that are not 0, 1, 2, …, or a name twice.
    package init(generation: Int, members: [Member]) throws(WireError) {
        let check = FieldChecks("Roster")
        try check.generation(generation)
        try check.count("members", members.count, 1...FieldChecks.maximumMembers)
        var names: Set<String> = []
        for (place, member) in members.enumerated() {
            guard member.workerRank == place else {
                throw check.error("members", "expected worker rank \(place), found \(member.workerRank)")
            }
            guard names.insert(member.name).inserted else {
                throw check.error("members", "\"\(member.name)\" comes twice")
            }
        }
        self.generation = generation
        self.members = members
    }

    init(_ message: CRoster, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("Roster")
        let members = try check.decodeMessages("members", message.members, message.n_members) {
            member throws(WireError) in
            let check = FieldChecks("Member")
            return try Member(
                workerRank: Int(member.worker_rank),
                name: check.decodeText("name", member.name),
                dataEndpoint: check.decodeText("data_endpoint", member.data_endpoint),
                slots: Int(member.slots))
        }
        try self.init(generation: Int(message.generation), members: members)
    }

    func generated(_ arena: EncodingArena) -> CRoster {
        var message = CRoster.prepared()
        message.generation = UInt32(generation)
        message.n_members = members.count
        message.members = arena.messages(
            members.map { member in
                var message = CMember.prepared()
                message.worker_rank = UInt32(member.workerRank)
                message.name = arena.text(member.name)
                message.data_endpoint = arena.text(member.dataEndpoint)
                message.slots = UInt32(member.slots)
                return message
            })
        return message
    }
}

/// Worker to coordinator: all data links of a generation stand.
package struct LinksReady: WireMessage {
    static let kind = FrameKind.linksReady

    /// The roster's generation.
    package let generation: Int

    /// - Throws: `WireError` with `badField` for a generation of 0.
    package init(generation: Int) throws(WireError) {
        try FieldChecks("LinksReady").generation(generation)
        self.generation = generation
    }

    init(_ message: CLinksReady, raw: [UInt8]) throws(WireError) {
        try self.init(generation: Int(message.generation))
    }

    func generated(_ arena: EncodingArena) -> CLinksReady {
        var message = CLinksReady.prepared()
        message.generation = UInt32(generation)
        return message
    }
}
