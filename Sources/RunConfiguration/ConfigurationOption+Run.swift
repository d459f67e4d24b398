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
            "cluster.min_workers", \.cluster.minWorkers, .optional(.integer(1...4096)), .operational,
            "Workers with which the run goes on, and starts once join_timeout has passed; null: cluster.workers. As a "
                + "flag also --min-workers."),
        ConfigurationOption(
            "cluster.max_workers", \.cluster.maxWorkers, .optional(.integer(1...4096)), .operational,
            "Workers that may take part, those that join later included; null: cluster.workers."),
        ConfigurationOption(
            "cluster.slots", \.cluster.slots, .integer(1...4096), .operational,
            "Shards that a worker computes at a time, one thread each. As a flag also --slots."),
        ConfigurationOption(
            "cluster.bind", \.cluster.bind, .text, .operational,
            "The address to listen on; 0.0.0.0 for workers on other machines."),
        ConfigurationOption(
            "cluster.advertise", \.cluster.advertise, .optional(.text), .operational,
            "The address at which workers reach the coordinator; null: the one it listens on."),
        ConfigurationOption(
            "cluster.port", \.cluster.port, .integer(0...65_535), .operational,
            "The coordinator's port; 0: one that is free."),
        ConfigurationOption(
            "cluster.join_timeout", \.cluster.joinTimeout, .number(.above(0, to: 86_400)), .operational,
            "Seconds to wait for the workers to join."),
        ConfigurationOption(
            "cluster.link_timeout", \.cluster.linkTimeout, .number(.above(0, to: 3_600)), .operational,
            "Seconds that workers have to connect with each other, before it is tried again or without who cannot."),
        ConfigurationOption(
            "cluster.rejoin_timeout", \.cluster.rejoinTimeout, .number(.above(0, to: 604_800)), .operational,
            "Seconds that a run waits for workers after it lost some and is left with fewer than min_workers."),
        ConfigurationOption(
            "cluster.coordinator_timeout", \.cluster.coordinatorTimeout, .number(.above(0, to: 604_800)), .operational,
            "Seconds that a worker looks for its coordinator after it lost it."),
        ConfigurationOption(
            "cluster.silence_timeout", \.cluster.silenceTimeout, .number(.above(2, to: 86_400)), .operational,
            "Seconds without a sign of life after which a worker, or for a worker the coordinator, counts as lost."),
        ConfigurationOption(
            "cluster.step_timeout_floor", \.cluster.stepTimeoutFloor, .number(.above(0, to: 86_400)), .operational,
            "Seconds that a step may always take; above it deadlines follow from the steps seen."),
        ConfigurationOption(
            "cluster.shutdown_timeout", \.cluster.shutdownTimeout, .number(.above(0, to: 86_400)), .operational,
            "Seconds that workers have to take their leave."),
        ConfigurationOption(
            "cluster.allow_mixed_kernels", \.cluster.allowMixedKernels, .boolean, .operational,
            "Take workers whose CPU kernels round differently; the result then depends on who computed what."),
        ConfigurationOption(
            "cluster.audit", \.cluster.audit, .number(.from(0, to: 1)), .operational,
            "The share of shards that a second worker recomputes, to notice wrong sums; 0: none."),
        ConfigurationOption(
            "log.level", \.log.level, .choice, .operational,
            "The least level of the log records that are kept."),
    ]
}
