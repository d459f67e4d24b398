//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Digests
import Foundation
import Glibc
import RunConfiguration
import SecureTransport

/// Gathers the facts of the machine that it runs on.
enum HostGathering {
    static func identity() -> HostIdentity {
        var name = utsname()
        _ = uname(&name)
        func text<Field>(_ field: Field) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return HostIdentity(
            build: "loradrop \(BuildIdentity.versionText)", executableDigest: executableDigest,
            hostName: text(name.nodename),
            networkIdentity: networkIdentity, platform: "\(text(name.sysname)) \(text(name.machine))")
    }

    /// SHA-256 of the running program; empty where it cannot be read.
    private static var executableDigest: String {
        guard let file = try? FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/exe")) else { return "" }
        var hash = SHA256()
        while let bytes = try? file.read(upToCount: 1 << 20), !bytes.isEmpty { hash.update([UInt8](bytes)) }
        return hash.finish().description
    }

    /// The boot's id and the network namespace.
    private static var networkIdentity: String {
        let boot = SystemText.read("/proc/sys/kernel/random/boot_id")?.trimmingCharacters(in: .whitespacesAndNewlines)
        let namespace = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
        return "\(boot ?? "unknown boot") \(namespace ?? "unknown namespace")"
    }

    static func wallClock() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    static func facts(_ query: FactsQuery) -> HostFacts {
        var facts = HostFacts()
        facts.processorCount = ProcessInfo.processInfo.activeProcessorCount
        facts.memory = memory()
        facts.limits = limits()
        facts.addresses = LocalAddress.ofInterfaces()
        facts.disks = query.disks.map(disk)
        facts.ports = query.ports.map(port)
        facts.certificates = query.certificates.map(certificates)
        ModelGathering.gather(query, into: &facts)
        return facts
    }

    // MARK: Memory

    private static func memory() -> MemoryFacts {
        var facts = MemoryFacts()
        let information = SystemText.read("/proc/meminfo") ?? ""
        facts.total = SystemText.kilobytes("MemTotal", in: information) ?? 0
        facts.available = SystemText.kilobytes("MemAvailable", in: information) ?? 0
        facts.groupAvailable = groupMemory()
        return facts
    }

    /// What a control group (v2, then v1) leaves of its limit, its page cache counted as free.
    private static func groupMemory() -> Int? {
        var folders: [(limit: String, usage: String, cache: String)] = []
        for line in (SystemText.read("/proc/self/cgroup") ?? "").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[1].isEmpty {
                for base in ["/sys/fs/cgroup\(parts[2] == "/" ? "" : parts[2])", "/sys/fs/cgroup"] {
                    folders.append(("\(base)/memory.max", "\(base)/memory.current", "\(base)/memory.stat"))
                }
            } else if parts[1].split(separator: ",").contains("memory") {
                for base in ["/sys/fs/cgroup/memory\(parts[2])", "/sys/fs/cgroup/memory"] {
                    folders.append(
                        ("\(base)/memory.limit_in_bytes", "\(base)/memory.usage_in_bytes", "\(base)/memory.stat"))
                }
            }
        }
        let left = folders.compactMap { folder -> Int? in
            guard let limit = SystemText.number(folder.limit), limit < 1 << 60,
                let usage = SystemText.number(folder.usage)
            else { return nil }
            let cache = SystemText.entry("inactive_file", in: SystemText.read(folder.cache) ?? "") ?? 0
            return max(0, limit - usage + cache)
        }
        return left.min()
    }

    // MARK: Limits

    private static func limits() -> LimitFacts {
        func limit(_ resource: Int32) -> (soft: Int?, hard: Int?) {
            var limit = rlimit()
            guard getrlimit(resource, &limit) == 0 else { return (nil, nil) }
            func value(_ number: rlim_t) -> Int? { number >= rlim_t(Int.max) ? nil : Int(number) }
            return (value(limit.rlim_cur), value(limit.rlim_max))
        }
        var facts = LimitFacts()
        (facts.openFiles, facts.openFilesHard) = limit(Int32(RLIMIT_NOFILE.rawValue))
        // RLIMIT_NPROC, which the Glibc module does not name.
        facts.processes = limit(6).soft
        facts.addressSpace = limit(Int32(RLIMIT_AS.rawValue)).soft
        facts.dataSegment = limit(Int32(RLIMIT_DATA.rawValue)).soft
        facts.fileSize = limit(Int32(RLIMIT_FSIZE.rawValue)).soft
        return facts
    }

    // MARK: Disk

    private static func disk(_ asked: DiskFacts) -> DiskFacts {
        var facts = DiskFacts(purpose: asked.purpose, path: asked.path)
        // What is not there yet is made below the nearest folder that is.
        let home = ProcessInfo.processInfo.environment["HOME"] ?? "/"
        let path = asked.path.hasPrefix("~/") ? home + asked.path.dropFirst() : asked.path
        var folder = URL(fileURLWithPath: path).standardizedFileURL.path
        while !FileManager.default.fileExists(atPath: folder), folder != "/" {
            folder = URL(fileURLWithPath: folder).deletingLastPathComponent().path
        }
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else {
            facts.problem = "\(folder): \(String(cString: strerror(errno)))"
            return facts
        }
        facts.freeBytes = Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
        facts.problem = writeTest(folder)
        return facts
    }

    /// Writes a file and removes it.
    private static func writeTest(_ folder: String) -> String? {
        let path = "\(folder)/.loradrop-doctor-\(getpid())"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return "nothing can be written to \(folder): \(String(cString: strerror(errno)))" }
        defer {
            close(descriptor)
            unlink(path)
        }
        // A limit on the size of files would end the process.
        let previous = signal(SIGXFSZ, SIG_IGN)
        defer { _ = signal(SIGXFSZ, previous) }
        let bytes = [UInt8](repeating: 0x5A, count: 4096)
        guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            return "writing to \(folder) fails: \(String(cString: strerror(errno)))"
        }
        return nil
    }

    // MARK: Network

    private static func port(_ text: String) -> PortFacts {
        do {
            let endpoint = try Endpoint(parsing: text)
            _ = try Listener(on: endpoint)
            return PortFacts(endpoint: text, problem: nil)
        } catch {
            return PortFacts(endpoint: text, problem: "\(error)")
        }
    }

    static func resolution(of host: String) -> ResolutionFacts {
        var facts = ResolutionFacts(host: host)
        do {
            // The port does not matter to a route.
            let endpoint = try Endpoint(host: host, port: 9)
            facts.addresses = try LocalAddress.resolve(endpoint)
            // No route is a finding of its own, see `Checks.names`.
            facts.source = try? LocalAddress.usedToReach(endpoint)
        } catch {
            facts.problem = "\(error)"
        }
        return facts
    }

    // MARK: Certificates

    private static func certificates(_ path: String) -> CertificateFacts {
        var facts = CertificateFacts(folder: path, now: CalendarTime.now())
        let folder = CertificateFolder(path)
        do {
            for (file, summary) in try folder.summaries() {
                if summary.isAuthority {
                    facts.authority = summary.fingerprint
                    if !summary.isValid() {
                        facts.problem = "the authority \(file) is outside its validity"
                    }
                    continue
                }
                let name = String(file.dropLast(".pem".count))
                let hasKey = FileManager.default.fileExists(atPath: folder.keyFile(of: name))
                var problem: String?
                if hasKey {
                    do { _ = try folder.credentials(of: name) } catch { problem = "\(error)" }
                } else if !summary.isValid() {
                    problem = "\(file) is outside its validity"
                }
                facts.members.append(
                    CertificateFacts.Member(
                        file: file, role: summary.identity?.role.rawValue, name: summary.identity?.name,
                        run: summary.identity?.run, notAfter: summary.notAfter, hasKey: hasKey, problem: problem))
            }
            if facts.authority == nil { facts.problem = "there is no \(folder.authorityFile)" }
        } catch {
            facts.problem = "\(error)"
        }
        return facts
    }
}
