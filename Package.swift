// swift-tools-version: 6.2
//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import PackageDescription

// The targets stand in the order in which they may depend on each other: arrows point down this list only, and
// `.ci/arrows` holds them against the table in docs/architecture.md.

/// Every Swift target: warnings are errors, and existential types are spelled out.
let swiftSettings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// Modules that own no pointer: any use of an unsafe construct is an error there.
let strict = swiftSettings + [.strictMemorySafety()]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

let package = Package(
    name: "loradrop",
    products: [
        .executable(name: "loradrop", targets: ["loradrop"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        // The command line.
        .executableTarget(
            name: "loradrop",
            dependencies: [
                "Benchmarks", "Rehearsal", "Simulation", "Supervision", "Diagnostics", "Cluster", "RunConfiguration",
                "Inference", "Training", "SecureTransport", "RunRecords", "LoRA", "Generation", "Transformer",
                "Tokenizers", "Datasets", "Metrics", "JSONText", "Digests", "Files", argumentParser,
            ],
            swiftSettings: strict),

        // Measurements.
        .target(
            name: "Benchmarks",
            dependencies: [
                "Cluster", "RunConfiguration", "Training", "Collectives", "Wire", "SecureTransport", "LoRA",
                "Transformer", "Datasets", "Tensors", "ExactSums", "JSONText",
            ],
            swiftSettings: strict),

        // Whole runs without network or model.
        .target(name: "Rehearsal", dependencies: ["Coordination", "Randomness"], swiftSettings: strict),

        // Where compute meets network.
        .target(
            name: "Simulation",
            dependencies: [
                "Cluster", "RunConfiguration", "Training", "SecureTransport", "RunRecords", "Digests", "Files",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Supervision", dependencies: ["SecureTransport", "Digests"], swiftSettings: swiftSettings),
        .target(
            name: "Diagnostics",
            dependencies: [
                "Cluster", "RunConfiguration", "Training", "SecureTransport", "Transformer", "Datasets", "JSONText",
                "Digests",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Cluster",
            dependencies: [
                "RunConfiguration", "Training", "Coordination", "Collectives", "Wire", "SecureTransport", "RunRecords",
                "LoRA", "Generation", "Transformer", "Tokenizers", "Datasets", "Metrics", "Tensors", "ExactSums",
                "JSONText", "Digests", "Files", "ModelFiles",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "RunConfiguration",
            dependencies: [
                "Training", "Tensors", "LoRA", "Generation", "Datasets", "Metrics", "Digests", "Spelling", yams,
            ],
            swiftSettings: strict),

        // Compute: no network.
        .target(
            name: "Inference",
            dependencies: [
                "Training", "RunRecords", "LoRA", "Generation", "Transformer", "Tokenizers", "Datasets", "Metrics",
                "Tensors", "JSONText", "Digests", "Files",
            ],
            swiftSettings: strict),
        .target(
            name: "Training",
            dependencies: [
                "RunRecords", "LoRA", "Generation", "Transformer", "Datasets", "Metrics", "Tensors", "ExactSums",
                "Randomness", "Digests", "Files",
            ],
            swiftSettings: swiftSettings),

        // Network: no model.
        .target(name: "Coordination", swiftSettings: strict),
        .target(name: "Collectives", swiftSettings: swiftSettings),
        .target(
            name: "Wire", dependencies: ["CKernels", "CWireMessages", "CProtobufC"], swiftSettings: swiftSettings),
        .target(name: "SecureTransport", dependencies: ["COpenSSL"], swiftSettings: swiftSettings),

        // Knowledge.
        .target(name: "RunRecords", dependencies: ["JSONText", "Files"], swiftSettings: strict),
        .target(
            name: "LoRA",
            dependencies: [
                "Transformer", "Tensors", "JSONText", "Randomness", "Digests", "Files", "Spelling",
            ],
            swiftSettings: strict),
        .target(
            name: "Generation", dependencies: ["Transformer", "Tensors", "Randomness"], swiftSettings: strict),
        .target(name: "Transformer", dependencies: ["Tensors", "Randomness"], swiftSettings: strict),
        .target(name: "Tokenizers", dependencies: ["JSONText"], swiftSettings: strict),
        .target(name: "Datasets", dependencies: ["JSONText", "Randomness"], swiftSettings: strict),
        .target(name: "Metrics", dependencies: ["Spelling"], swiftSettings: strict),
        .target(name: "ModelFiles", dependencies: ["Digests", "Files"], swiftSettings: swiftSettings),

        // Numbers.
        .target(name: "ExactSums", dependencies: ["Tensors", "CKernels"], swiftSettings: swiftSettings),
        .target(
            name: "Tensors", dependencies: ["CKernels", "COpenBLAS", "Randomness", "Files", "Spelling"],
            swiftSettings: swiftSettings),
        .target(name: "Randomness", swiftSettings: strict),
        .target(name: "JSONText", swiftSettings: strict),
        .target(name: "Digests", dependencies: ["CLibCrypto", "Files"], swiftSettings: swiftSettings),
        .target(name: "Files", swiftSettings: swiftSettings),
        .target(name: "Spelling", swiftSettings: strict),

        // C: our kernels, the generated messages, one door a library.
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3", "-Wall", "-Werror"])]),
        .target(name: "CWireMessages", dependencies: ["CProtobufC"]),
        .systemLibrary(
            name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),

        // Tests, one target a module.
        .testTarget(name: "CoordinationTests", dependencies: ["Coordination"], swiftSettings: swiftSettings),
        .testTarget(name: "RehearsalTests", dependencies: ["Rehearsal"], swiftSettings: swiftSettings),
        .testTarget(name: "RandomnessTests", dependencies: ["Randomness"], swiftSettings: swiftSettings),
        .testTarget(name: "DigestsTests", dependencies: ["Digests"], swiftSettings: swiftSettings),
        .testTarget(
            name: "ModelFilesTests", dependencies: ["ModelFiles", "Digests", "Files"], swiftSettings: swiftSettings),
        .testTarget(name: "FilesTests", dependencies: ["Files"], swiftSettings: swiftSettings),
        .testTarget(name: "SpellingTests", dependencies: ["Spelling"], swiftSettings: swiftSettings),
        .testTarget(
            name: "ExactSumsTests", dependencies: ["ExactSums", "Tensors"], swiftSettings: swiftSettings),
        .testTarget(
            name: "TensorsTests", dependencies: ["Tensors", "Randomness", "CKernels", "Files"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DatasetsTests", dependencies: ["Datasets", "Randomness"], swiftSettings: swiftSettings),
        .testTarget(
            name: "TransformerTests", dependencies: ["Transformer", "Tensors", "Randomness"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "GenerationTests", dependencies: ["Generation", "Transformer", "Tensors"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SecureTransportTests", dependencies: ["SecureTransport", "COpenSSL"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SupervisionTests", dependencies: ["Supervision", "SecureTransport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "BenchmarksTests", dependencies: ["Benchmarks", "Collectives", "LoRA", "Transformer", "JSONText"],
            swiftSettings: swiftSettings),
        .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: swiftSettings),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Training", "LoRA", "Generation", "Transformer", "Datasets", "Metrics", "Tensors", "ExactSums",
                "Digests", "RunRecords",
            ], swiftSettings: swiftSettings),
        .testTarget(
            name: "RunConfigurationTests",
            dependencies: ["RunConfiguration", "Training", "LoRA", "Generation", "Datasets", "Metrics"],
            swiftSettings: swiftSettings),
        .testTarget(name: "TokenizersTests", dependencies: ["Tokenizers"], swiftSettings: swiftSettings),
        .testTarget(name: "MetricsTests", dependencies: ["Metrics"], swiftSettings: swiftSettings),
        .testTarget(name: "CollectivesTests", dependencies: ["Collectives"], swiftSettings: swiftSettings),
        .testTarget(
            name: "LoRATests", dependencies: ["LoRA", "Transformer", "Tensors", "JSONText", "Digests", "Files"],
            swiftSettings: swiftSettings),
        .testTarget(name: "JSONTextTests", dependencies: ["JSONText"], swiftSettings: swiftSettings),
        .testTarget(
            name: "RunRecordsTests", dependencies: ["RunRecords", "JSONText", "Files"], swiftSettings: swiftSettings),
        .testTarget(
            name: "InferenceTests",
            dependencies: [
                "Inference", "Training", "LoRA", "Transformer", "Datasets", "Metrics", "Tensors", "JSONText", "Digests",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DiagnosticsTests",
            dependencies: ["Diagnostics", "RunConfiguration", "Tensors", "SecureTransport", "JSONText"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SimulationTests", dependencies: ["Simulation", "Cluster", "SecureTransport", "RunRecords"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ClusterTests",
            dependencies: [
                "Cluster", "Training", "Generation", "Coordination", "Collectives", "Wire", "SecureTransport",
                "RunRecords", "Datasets",
                "ModelFiles", "Digests", "Files",
            ],
            swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6]
)

// For deploy/sanitize.sh alone: these test targets, and only what they need is built.
if let kept = Context.environment["LORADROP_TESTS"]?.split(separator: " ").map(String.init) {
    package.products = []
    package.targets.removeAll { $0.type == .executable || $0.type == .test && !kept.contains($0.name) }
}

// Fuzzers, for deploy/fuzz.sh alone: libFuzzer brings their main function.
if Context.environment["LORADROP_FUZZ"] == "1" {
    let fuzzers: [(name: String, reader: String)] = [
        ("FuzzFrames", "Wire"), ("FuzzLogs", "RunRecords"), ("FuzzSafetensors", "Tensors"),
        ("FuzzTables", "Datasets"), ("FuzzTokenizer", "Tokenizers"),
    ]
    package.targets.removeAll { $0.type == .test }
    package.targets += fuzzers.map { fuzzer in
        .executableTarget(
            name: fuzzer.name, dependencies: [.init(stringLiteral: fuzzer.reader)], path: "Tests/Fuzz/\(fuzzer.name)",
            exclude: ["corpus", "planted.patch"],
            swiftSettings: swiftSettings + [.unsafeFlags(["-parse-as-library"])])
    }
}
