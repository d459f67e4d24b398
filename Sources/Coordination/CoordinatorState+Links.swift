//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// Workers that do not link up with each other: who is left out, so that the others go on.
extension CoordinatorState {
    /// How long the others have, once a worker lacks links, to say what they lack: they began at the same time.
    static let complaintTime: UInt64 = 5_000_000_000

    /// Why a worker is dismissed that others are not linked with.
    package static let leftOutReason = "others have no data link with it, and the run goes on without it for a while"

    /// A worker has given up making its data links.
    /// - Parameter unlinked: With whom it has none, by place in the roster.
    /// - Returns: Nil if it is about something else.
    mutating func linksMissing(
        _ worker: String, _ unlinked: [Int], _ message: String, _ now: UInt64
    ) -> [Directive]? {
        guard case .linking = stage, let roster else { return nil }
        let peers = unlinked.filter(roster.members.indices.contains).map { roster.members[$0].name }
        guard !peers.isEmpty else { return nil }
        missingLinks.note(worker, without: peers, in: roster.generation, now)
        return fenceIfAllAnswered(now)
    }

    /// Ends a generation that does not come about, once nobody is left who might say why.
    mutating func fenceIfAllAnswered(_ now: UInt64) -> [Directive] {
        guard case .linking(let ready) = stage, let roster, !missingLinks.complainants.isEmpty else { return [] }
        let silent = roster.members.contains {
            !ready.contains($0.name) && !missingLinks.complainants.contains($0.name)
        }
        return silent ? [] : fence(missingLinksReason, now)
    }

    var missingLinksReason: String {
        "\(names(missingLinks.complainants)) did not get all data links; check that the workers reach each other "
            + "at the addresses they advertise"
    }

    /// Does without workers that others have no link with, if enough are left; they may come back after a while.
    mutating func leaveOut(_ now: UInt64) -> [Directive] {
        guard let roster else { return [] }
        let standings = participants.reduce(into: [String: MissingLinks.Standing]()) { standings, entry in
            standings[entry.key] = MissingLinks.Standing(
                hasLinkedUp: entry.value.hasLinkedUp, holdsState: halted[entry.key] != nil)
        }
        let leftOut = missingLinks.leftOut(
            after: roster.generation, of: standings, most: participants.count - requirements.minimumCount)
        var directives: [Directive] = []
        for worker in leftOut {
            missingLinks.pause(worker, now)
            directives += dismiss(worker, Self.leftOutReason, now)
        }
        return directives
    }
}
