//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What the doctor asks a host, one JSON object a line on the standard input of `loradrop doctor --facts`.
///
/// Each is answered by one line, see `FactsAnswer`. The session ends with the input.
package enum FactsRequest: Sendable, Codable {
    /// Who are you? Answered by every build.
    case identify
    /// What is your time? Asked several times, for the shortest round trip.
    case clock
    /// Everything about the host.
    case facts(FactsQuery)
    /// Look up other hosts and the routes to them.
    case resolve(hosts: [String])
    /// Listen for measurements.
    ///
    /// `name` stands in the certificate, port 0 is any free one. Answered with the port and the certificate of an authority that lives as long as the session.
    case listen(name: String, port: UInt16)
    /// Accept measurements from the holders of certificates of these authorities (PEM), among them the own one.
    case trust(authorities: [String])
    /// Measure the links to these endpoints, one after the other.
    case measure(endpoints: [String], seconds: Double)
}

/// What `FactsRequest.facts` asks for.
package struct FactsQuery: Sendable, Hashable, Codable {
    /// The base model's folder; nil for none.
    package var model: String?
    /// The run's configuration as canonical YAML, for reading the data; nil where the data is not to be read here.
    package var configuration: String?
    /// Folders that are written to.
    package var disks: [DiskFacts] = []
    /// Endpoints, `host:port`, that will be listened on.
    package var ports: [String] = []
    /// A folder of certificates; nil for none.
    package var certificates: String?

    package init() {}
}

/// What a host answers.
package enum FactsAnswer: Sendable, Codable {
    case identity(HostIdentity)
    /// Nanoseconds since 1970 by the host's clock.
    case clock(Int64)
    case facts(HostFacts)
    case resolutions([ResolutionFacts])
    case listening(port: UInt16, authority: String)
    case trusting
    case links([LinkFacts])
    /// The request could not be answered.
    case failed(String)
}
