// swift-tools-version: 6.2
//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import PackageDescription

let package = Package(
    name: "sample",
    targets: [
        .target(name: "Run", dependencies: ["Wire"]),
        .target(name: "Wire", dependencies: ["CWireMessages"]),
        .target(name: "CWireMessages"),
        .testTarget(name: "WireTests", dependencies: ["Wire"]),
    ]
)
