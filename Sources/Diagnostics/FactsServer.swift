//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
package import Foundation
import SecureTransport

/// Answers requests about this host: the far end of a session, or this process itself.
///
/// `@unchecked Sendable`: one thread asks at a time.
package final class FactsServer: @unchecked Sendable {
    private var responder: LinkResponder?

    package init() {}

    /// Answers every line of `input` with one of `output`, until the input ends.
    /// - Throws: where `output` cannot be written to, which is how a broken session ends.
    package func serve(input: FileHandle, output: FileHandle) throws {
        var waiting: [UInt8] = []
        defer { close() }
        while true {
            let bytes = input.availableData
            if bytes.isEmpty { return }
            waiting += bytes
            guard waiting.count <= 4 << 20 else { return }
            while let end = waiting.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Data(waiting[..<end])
                waiting.removeFirst(end + 1)
                let answer: FactsAnswer
                do {
                    answer = self.answer(try JSONDecoder().decode(FactsRequest.self, from: line))
                } catch {
                    answer = .failed(
                        "this build (loradrop \(BuildIdentity.versionText)) does not know the request: \(error)")
                }
                var text = try JSONEncoder().encode(answer)
                text.append(UInt8(ascii: "\n"))
                try output.write(contentsOf: text)
            }
        }
    }

    /// Answers one request.
    package func answer(_ request: FactsRequest) -> FactsAnswer {
        do {
            switch request {
            case .identify: return .identity(HostGathering.identity())
            case .clock: return .clock(HostGathering.wallClock())
            case .facts(let query): return .facts(HostGathering.facts(query))
            case .resolve(let hosts): return .resolutions(hosts.map(HostGathering.resolution))
            case .listen(let name, let port):
                let responder = try LinkResponder(name: name, port: port)
                self.responder = responder
                return .listening(port: responder.port, authority: try responder.authorityText)
            case .trust(let authorities):
                guard let responder else { return .failed("asked to trust before it was asked to listen") }
                try responder.start(trusting: authorities)
                return .trusting
            case .measure(let endpoints, let seconds):
                guard let responder else { return .failed("asked to measure before it was asked to listen") }
                return .links(endpoints.map { responder.measure($0, within: .seconds(seconds)) })
            }
        } catch {
            return .failed("\(error)")
        }
    }

    /// Ends what listens.
    package func close() {
        responder?.stop()
        responder = nil
    }
}
