//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Benchmarks
import Simulation

/// Computes the time of a step instead of measuring it.
struct BenchModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract:
            "The time of a step against workers, tokens, layers, latency and bandwidth: a formula, simulated too.",
        discussion: """
            loradrop bench model --workers 2,8,64 --latency 0.2ms --bandwidth 1gbit

            Nothing is measured. The exchange is played segment by segment for every number of workers, beside the \
            formula. The defaults are MiniLM on CoLA, four of six layers kept.
            """)

    @Option(help: ArgumentHelp("Numbers of workers.", valueName: "n,n"))
    var workers = "2,4,8,16,32,64,128,256"

    @OptionGroup(title: "The model") var adapter: ModelledAdapter
    @OptionGroup(title: "The step") var step: ModelledStep
    @OptionGroup(title: "The network") var network: ModelledNetwork

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard let counts = AllReduceArguments.numbers(workers), counts.allSatisfy({ (1...256).contains($0) }) else {
            throw ValidationError("--workers wants numbers of workers from 1 to 256: 2,8,64")
        }
        // Every segment is played: the bound is for the time and memory that this takes.
        let longest = max(step.parameters ?? 0, adapter.shape.allParameterCount + adapter.head)
        guard longest <= 1 << 28 else {
            throw ValidationError("expected at most \(1 << 28) trained parameters, found \(longest)")
        }
    }

    func run() throws {
        let shape = adapter.shape
        let model = StepTimeModel(try step.workload(shape), over: try network.link())
        let report = try StepModelReport(model, shape: shape, workerCounts: AllReduceArguments.numbers(workers) ?? [])
        print(json ? report.jsonText : report.text, terminator: "")
    }
}

/// The LoRAs of a model, as flags.
struct ModelledAdapter: ParsableArguments {
    @Option(help: ArgumentHelp("Layers of the model.", valueName: "n"))
    var layers = 6

    @Option(help: ArgumentHelp("Its hidden size.", valueName: "n"))
    var hidden = 384

    @Option(help: ArgumentHelp("Projections of a layer that have a LoRA.", valueName: "n"))
    var targets = 2

    @Option(help: ArgumentHelp("r, the inner size of a LoRA.", valueName: "n"))
    var adapterRank = 8

    @Option(help: ArgumentHelp("Parameters of the trained head.", valueName: "n"))
    var head = 770

    @Option(
        help: ArgumentHelp("Which part of the layers LoRA-drop keeps; the others share one LoRA.", valueName: "share"))
    var kept = 0.67

    func validate() throws {
        for (name, number, limit) in [
            ("layers", layers, 65_536), ("hidden", hidden, 1 << 20), ("targets", targets, 64),
            ("adapter-rank", adapterRank, 65_536),
        ] {
            guard (1...limit).contains(number) else {
                throw ValidationError("--\(name) wants a number from 1 to \(limit), found \(number)")
            }
        }
        guard (0...1 << 28).contains(head) else {
            throw ValidationError("--head wants a number from 0 to \(1 << 28), found \(head)")
        }
        guard (0...1).contains(kept) else { throw ValidationError("--kept wants a number from 0 to 1, found \(kept)") }
    }

    var shape: AdapterShape {
        AdapterShape(
            layerCount: layers, hiddenSize: hidden, targetCount: targets, adapterRank: adapterRank,
            headParameterCount: head, keptShare: kept)
    }
}

/// What a step computes, as flags.
struct ModelledStep: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Trained parameters, head included (default: of the LoRAs kept and the head).", valueName: "n"))
    var parameters: Int?

    @Option(help: ArgumentHelp("Tokens of a step, of all workers.", valueName: "n"))
    var tokens = 365

    @Option(help: ArgumentHelp("Tokens of a shard; 0: the work can be divided at will.", valueName: "n"))
    var shardTokens = 96

    @Option(
        help: ArgumentHelp(
            "Operations a token, forward and backward (default: an encoder's, of --layers and --hidden).",
            valueName: "n"))
    var operationsPerToken: Double?

    @Option(help: ArgumentHelp("What a worker computes, in 10^9 operations a second.", valueName: "n"))
    var gflops = 80.0

    @Option(help: ArgumentHelp("Threads of a worker, each with a shard at a time.", valueName: "n"))
    var slots = 1

    @Option(help: ArgumentHelp("The update of a parameter, on one thread.", valueName: "n"))
    var updateNanoseconds = 10.0

    func validate() throws {
        guard (1...1 << 28).contains(parameters ?? 1), (1...1 << 32).contains(tokens), (1...65_536).contains(slots)
        else {
            throw ValidationError("--parameters, --tokens and --slots want numbers above 0, found one that is not")
        }
        guard (0...1 << 32).contains(shardTokens) else {
            throw ValidationError("--shard-tokens wants a number from 0, found \(shardTokens)")
        }
        for (name, number) in [("operations-per-token", operationsPerToken ?? 1), ("gflops", gflops)] {
            guard number > 0, number.isFinite else {
                throw ValidationError("--\(name) wants a number above 0, found \(number)")
            }
        }
        guard updateNanoseconds >= 0, updateNanoseconds.isFinite else {
            throw ValidationError("--update-nanoseconds wants a number from 0, found \(updateNanoseconds)")
        }
    }

    func workload(_ shape: AdapterShape) throws -> StepWorkload {
        StepWorkload(
            parameterCount: parameters ?? shape.keptParameterCount + shape.headParameterCount, tokenCount: tokens,
            operationsPerToken: operationsPerToken ?? shape.operationsPerToken,
            shardTokens: shardTokens == 0 ? nil : shardTokens, operationsPerSecond: gflops * 1e9, slotCount: slots,
            updateSecondsPerParameter: updateNanoseconds * 1e-9)
    }
}

/// Links between workers, as flags.
struct ModelledNetwork: ParsableArguments {
    @Option(help: ArgumentHelp("The time from any worker to any other, one way.", valueName: "time"))
    var latency = "0.2ms"

    @Option(help: ArgumentHelp("What a worker's link takes a second, each way.", valueName: "rate"))
    var bandwidth = "1gbit"

    @Option(help: ArgumentHelp("What a message costs its sender, and its receiver, besides.", valueName: "n"))
    var messageMicroseconds = 10.0

    @Option(help: ArgumentHelp("By how much each further sender slows a receiver: 0 to 1.", valueName: "share"))
    var crowding = 0.02

    @Option(help: ArgumentHelp("In how many bytes an element travels: 1 to 8.", valueName: "n"))
    var elementBytes = 4

    func validate() throws {
        guard messageMicroseconds >= 0, messageMicroseconds.isFinite else {
            throw ValidationError("--message-microseconds wants a number from 0, found \(messageMicroseconds)")
        }
        guard (0...1).contains(crowding) else {
            throw ValidationError("--crowding wants a number from 0 to 1, found \(crowding)")
        }
        guard (1...8).contains(elementBytes) else {
            throw ValidationError("--element-bytes wants a number from 1 to 8, found \(elementBytes)")
        }
    }

    func link() throws -> LinkModel {
        var shape = LinkShape()
        do {
            try shape.setLatency(latency)
            try shape.setBandwidth(bandwidth)
        } catch {
            throw ValidationError(error.description)
        }
        guard let rate = shape.bytesPerSecond else {
            throw ValidationError("--bandwidth \(bandwidth): expected a rate, as in 1gbit")
        }
        return LinkModel(
            latency: shape.latency / .seconds(1), bytesPerSecond: rate,
            secondsPerMessage: messageMicroseconds * 1e-6, crowding: crowding, elementByteCount: elementBytes)
    }
}
