//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import RunRecords
import SecureTransport
import Wire

/// Those who call and are not members yet: a bounded number of them, each with its time, and refusals in few words.
extension CoordinatorLoop {
    /// Callers that have not joined yet: where one more comes, the oldest gives way, so that strangers can neither use up
    /// the memory nor keep a worker out.
    static let strangerLimit = 256
    /// Callers that are taken between two looks at all the others.
    private static let acceptedAtOnce = 64

    func acceptCallers() throws {
        let context = renewal?.current ?? ownContext
        // No more at once: who calls quicker than we accept must not keep us from everybody else.
        for _ in 0..<Self.acceptedAtOnce {
            switch try listener.accept() {
            case .wouldBlock:
                return
            case .turnedAway(let error):
                write(notes.note(error, from: "a caller"))
            case .accepted(let socket):
                let connection = try TLSConnection(
                    socket, side: .server, context: context,
                    expecting: .any(.worker, ofRun: context.identity.run),
                    handshakeDeadline: .after(handshakeTime))
                if let oldest = strangers.admit(connection.descriptor), let link = links[oldest] {
                    write(
                        notes.note(
                            "\(link.channel.peerName) gave way to a newer caller before it had joined: "
                                + "\(Self.strangerLimit) callers are waiting", kind: "gave way"))
                    drop(link)
                }
                links[connection.descriptor] = Link(
                    channel: ControlChannel(connection, limits: .joining), stage: .handshake)
            }
        }
    }

    /// Writes lines about callers that were refused.
    func write(_ refusals: [String]) {
        for refusal in refusals { log.write(.warning, "caller-refused", refusal) }
    }

    /// Ends the links that have had their time.
    func closeOverdueLinks() {
        write(notes.pending())
        for link in Array(links.values) {
            switch link.stage {
            case .handshake:
                if link.channel.connection.handshakeDeadline.hasPassed {
                    lose(link, reason: "no handshake in time", kind: "no handshake")
                }
            case .awaitingHello(let until):
                if until.hasPassed { lose(link, reason: "no hello in time", kind: "no hello") }
            case .closing(let until):
                if until.hasPassed { drop(link) }
            case .joined, .closed, .handedOver:
                break
            }
        }
    }
}
