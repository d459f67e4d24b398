//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension ConfigurationOption {
    static let runOptions: [ConfigurationOption] = [
        ConfigurationOption(
            "output_dir", \.outputDirectory, .text, .operational, "The run folder, where everything is written."),
        ConfigurationOption(
            "resume", \.resume, .boolean, .operational,
            "Go on where this run stopped in the run folder; false: a folder that holds a run is an error."),
        ConfigurationOption(
            "cluster.workers", \.cluster.workers, .integer(1...4096), .operational,
            "Worker processes that the run waits for. As a flag also --workers."),
        ConfigurationOption(
            "cluster.slots", \.cluster.slots, .integer(1...4096), .operational,
            "Shards that a worker computes at a time, one thread each. As a flag also --slots."),
        ConfigurationOption(
            "cluster.bind", \.cluster.bind, .text, .operational,
            "The address to listen on; 0.0.0.0 for workers on other machines."),
        ConfigurationOption(
            "cluster.advertise", \.cluster.advertise, .optional(.text), .operational,
            "The address that others are told to connect to; null: that of the connection to the coordinator."),
        ConfigurationOption(
            "cluster.port", \.cluster.port, .integer(0...65_535), .operational,
            "The coordinator's port; 0: one that is free."),
        ConfigurationOption(
            "cluster.min_workers", \.cluster.minWorkers, .optional(.integer(1...4096)), .operational,
            "Start, and go on, with no fewer workers than these; null: all of them."),
        ConfigurationOption(
            "cluster.join_timeout", \.cluster.joinTimeout, .number(.above(0, to: 86_400)), .operational,
            "Seconds to wait for the workers to join."),
        ConfigurationOption(
            "cluster.step_timeout_floor", \.cluster.stepTimeoutFloor, .number(.above(0, to: 86_400)), .operational,
            "Seconds that a step may always take; above it deadlines follow from the steps seen."),
        ConfigurationOption(
            "cluster.shutdown_timeout", \.cluster.shutdownTimeout, .number(.above(0, to: 86_400)), .operational,
            "Seconds that workers have to take their leave."),
        ConfigurationOption(
            "cluster.audit", \.cluster.audit, .number(.from(0, to: 1)), .operational,
            "The part of the shards that another worker computes again, to compare."),
        ConfigurationOption(
            "cluster.allow_mixed_kernels", \.cluster.allowMixedKernels, .boolean, .operational,
            "Take workers whose CPU kernels round differently; the result then depends on who computed what."),
        ConfigurationOption(
            "log.level", \.log.level, .choice, .operational,
            "The least level of the log records that are kept."),
    ]
}
