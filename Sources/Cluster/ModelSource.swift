//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Foundation
package import ModelFiles
package import SecureTransport
import Training
import Wire

/// Where a worker gets the run's base model from: the folder it was given, if that is the coordinator's model; else the
/// cache of its host; else the coordinator.
package struct ModelSource {
    /// Torn transfers in a row that brought nothing, after which the coordinator is given up.
    private static let fruitlessLimit = 5
    /// Files with other bytes than announced, after which the coordinator is not asked again.
    private static let wrongLimit = 2

    /// The folder on the command line; nil, or a folder without a model, where the host has none.
    let folder: String?
    let trainsPooler: Bool
    /// Where fetched models are kept; nil is the user's folder for caches.
    let cacheFolder: String?
    let coordinator: Endpoint
    /// The address of this machine to call from; nil leaves it to the kernel.
    let source: String?
    let context: TLSContext
    /// This program's; it may have to be waited for.
    private let build: () throws -> String
    /// How long the coordinator may be out of reach.
    let patience: Duration
    /// Told what takes its time.
    let report: (String) -> Void

    /// - Parameters:
    ///   - folder: The folder on the command line.
    ///   - cacheFolder: Where fetched models are kept.
    ///   - source: The address of this machine to call from; nil leaves it to the kernel.
    ///   - build: This program's; the coordinator serves no other. Asked for with each call of the coordinator.
    ///   - patience: How long the coordinator may be out of reach.
    ///   - report: Told what takes its time.
    package init(
        folder: String?, trainsPooler: Bool, cacheFolder: String?, coordinator: Endpoint, source: String? = nil,
        context: TLSContext, build: @escaping () throws -> String, patience: Duration,
        report: @escaping (String) -> Void
    ) {
        self.folder = folder
        self.trainsPooler = trainsPooler
        self.cacheFolder = cacheFolder
        self.coordinator = coordinator
        self.source = source
        self.context = context
        self.build = build
        self.patience = patience
        self.report = report
    }

    /// The model, which is the coordinator's.
    /// - Parameter opened: Called with each model that might be it, before all of it is hashed, which takes its time.
    /// - Returns: The model, its fingerprint, and what `opened` made of it.
    /// - Throws: `ModelFilesError`, `ClusterError`, `TransportError`; `FileError` where the executable cannot be read; what
    ///   is wrong with a folder that was given.
    func model<Opened>(
        opened: (BaseModel) -> Opened
    ) throws -> (model: BaseModel, fingerprint: Digest, opened: Opened) {
        let given = try givenModel(opened)
        let listing = try listing()
        if let given {
            if given.fingerprint == listing.fingerprint { return given }
            report(
                "the model in \(given.model.folder) has the fingerprint \(given.fingerprint.description.prefix(16)), the "
                    + "coordinator's has \(listing.fingerprint.description.prefix(16))")
        }
        let place = try fetched(listing)
        report("using the model in \(place)")
        let found = try hashed(place, opened)
        guard found.fingerprint == listing.fingerprint else {
            throw ModelFilesError(
                .wrongBytes,
                "\(place): the files are those that the coordinator listed, but their fingerprint is "
                    + "\(found.fingerprint), not \(listing.fingerprint)")
        }
        return found
    }

    /// The files of the coordinator's model.
    package func listing() throws -> ModelListing {
        let link = try dial()
        defer { link.close() }
        return link.listing
    }

    /// The folder of a listed model in the cache of this host, fetched if it is not there.
    package func fetched(_ listing: ModelListing) throws -> String {
        let cache = ModelCache(
            try cacheFolder ?? ModelCache.defaultFolder(ProcessInfo.processInfo.environment))
        return try cache.folder(of: listing, report: report) { try transfer($0) }
    }

    /// The model on the command line, if there is one.
    private func givenModel<Opened>(
        _ opened: (BaseModel) -> Opened
    ) throws -> (model: BaseModel, fingerprint: Digest, opened: Opened)? {
        guard let folder else { return nil }
        guard FileManager.default.fileExists(atPath: folder + "/" + ModelListing.configuration) else {
            report("there is no model in \(folder): asking the coordinator for it")
            return nil
        }
        return try hashed(folder, opened)
    }

    private func hashed<Opened>(
        _ folder: String, _ opened: (BaseModel) -> Opened
    ) throws -> (model: BaseModel, fingerprint: Digest, opened: Opened) {
        let model = try BaseModel(folder: folder, trainPooler: trainsPooler)
        let result = opened(model)
        return (model, model.fingerprint, result)
    }

    private func dial() throws -> ModelLink {
        try ModelLink(to: coordinator, from: source, context: context, build: build(), until: .after(patience))
    }

    /// Fetches what is missing; a torn transfer goes on where it was.
    private func transfer(_ partial: PartialModel) throws {
        report("fetching the model from the coordinator: \(partial.listing.byteCount) bytes")
        var fruitless = 0
        var wrong = 0
        while !partial.isWhole {
            let before = partial.receivedByteCount
            do {
                let link = try dial()
                defer { link.close() }
                guard link.listing == partial.listing else {
                    throw ClusterError(
                        code: .badSetup, message: "the coordinator's model is another one than a moment ago")
                }
                try link.fill(partial, report: report)
            } catch let error as ModelFilesError where error.code == .wrongBytes {
                wrong += 1
                guard wrong < Self.wrongLimit else { throw error }
                report("\(error); once more")
            } catch {
                guard Self.mayPass(error) else { throw error }
                fruitless = partial.receivedByteCount > before ? 1 : fruitless + 1
                guard fruitless < Self.fruitlessLimit else { throw error }
                report(
                    "the transfer was cut off after \(partial.receivedByteCount) of \(partial.listing.byteCount) bytes: "
                        + "\(error); going on")
                Thread.sleep(forTimeInterval: 0.1 * Double(1 << fruitless))
            }
        }
    }

    /// Whether another try may end otherwise.
    private static func mayPass(_ error: any Error) -> Bool {
        switch error {
        case is TransportError, is WireError: true
        case let error as ClusterError: [.peerClosed, .coordinatorLost].contains(error.code)
        default: false
        }
    }
}
