//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets
package import LoRA
package import Metrics
package import Tensors
package import Training

/// Everything a run is told, section by section as in the YAML file.
///
/// What each value means, its default and its range stand once, in `ConfigurationOption.all`.
package struct RunSettings: Sendable, Hashable {
    package var model = ""
    package var modelOptions = ModelSection()
    package var task = TaskSection()
    package var generation = GenerationSection()
    package var lora = LoRASection()
    package var loraDrop = LoRADropSection()
    package var training = TrainingSection()
    package var outputDirectory = ""
    package var resume = true
    package var cluster = ClusterSection()
    package var log = LogSection()

    /// Every option at its default; `model` and some of the task have none and are empty.
    package init() {}

    /// `model_options`.
    package struct ModelSection: Sendable, Hashable {
        package var trainPooler = false
    }

    /// `task`.
    package struct TaskSection: Sendable, Hashable {
        /// The task of GLUE that the other values come from, as far as nobody gave them.
        package var name: GLUETask?
        package var dataDirectory: String?
        package var kind = TaskKind.classification
        package var train: String?
        package var validation: String?
        /// Nil: by the file's name.
        package var format: DataFormat?
        package var header = true
        /// Nil: in CSV yes, in TSV no.
        package var quoting: Bool?
        package var textColumn = ""
        package var textPairColumn: String?
        package var labelColumn: String?
        /// What a generation starts from.
        package var prompt = TextTemplate(ColumnSelector("prompt"))
        /// What a generation is to say.
        package var completion = TextTemplate(ColumnSelector("completion"))
        package var labels: [String] = []
        /// Nil: accuracy for a classification, Pearson's correlation for a regression, perplexity for a generation.
        package var metric: Metric?
        package var positiveLabel: String?
    }

    /// `generation`: how texts are generated, and what they are held against.
    package struct GenerationSection: Sendable, Hashable {
        package var newTokens = 128
        package var beams = 1
        package var lengthPenalty = 1.0
        package var earlyStopping = false
        /// Nil: nothing is drawn, or at temperature 1 if there is a `topP`.
        package var temperature: Double?
        package var topP: Double?
        package var seed: UInt64 = 42
        package var groupReferences = false
    }

    /// `lora`.
    package struct LoRASection: Sendable, Hashable {
        package var adapterRank = 8
        package var alpha = 16.0
        package var dropout = 0.0
        /// Empty: those where PEFT puts a LoRA in the model's family.
        package var targetModules: [String] = []
    }

    /// `lora_drop`.
    package struct LoRADropSection: Sendable, Hashable {
        package var sampleRatio = 0.1
        package var threshold = 0.9
        package var probeEpochs = 3
        package var probeLearningRate: Double?
        package var granularity = DecisionGranularity.layer
        package var score = ImportanceScore.output
        package var share = Sharing.trained
        package var start = StartChoice.fresh
        package var keepLayers: [Int] = []
        package var keepCount: Int?
    }

    /// `training`.
    package struct TrainingSection: Sendable, Hashable {
        package var epochs = 3
        package var maxSteps: Int?
        package var batchSize = 32
        package var gradientAccumulationSteps = 1
        package var shardTokens = 96
        package var learningRate = 1e-3
        package var headLearningRate: Double?
        package var schedule = LearningRateSchedule.Shape.linear
        package var warmupRatio = 0.06
        package var warmupSteps: Int?
        package var weightDecay = 0.0
        package var adamBeta1 = 0.9
        package var adamBeta2 = 0.999
        package var adamEpsilon = 1e-8
        package var maxGradientNorm = 1.0
        package var maxSequenceLength = 128
        package var seed: UInt64 = 42
        /// Nil: every epoch where there is a validation file, else never.
        package var evaluationStrategy: IntervalChoice?
        package var evaluationSteps: Int?
        package var loggingSteps = 10
        package var saveStrategy = IntervalChoice.epoch
        package var saveSteps: Int?
        package var saveTotalLimit: Int?
        package var earlyStoppingPatience: Int?
        package var earlyStoppingThreshold = 0.0
        package var loadBestAtEnd = false
        package var traceDirectory: String?
        package var recompute = false
        package var matmulPrecision = MatmulPrecision.highest
        package var keepSplitWeights = false
    }

    /// `cluster`: durations in seconds.
    package struct ClusterSection: Sendable, Hashable {
        package var workers = 1
        package var minWorkers: Int?
        package var maxWorkers: Int?
        package var slots = 1
        package var bind = "127.0.0.1"
        package var advertise: String?
        package var port = 0
        package var joinTimeout = 120.0
        package var linkTimeout = 60.0
        package var rejoinTimeout = 300.0
        package var coordinatorTimeout = 300.0
        package var silenceTimeout = 30.0
        package var stepTimeoutFloor = 60.0
        package var shutdownTimeout = 30.0
        package var allowMixedKernels = false
        package var audit = 0.01
    }

    /// `log`.
    package struct LogSection: Sendable, Hashable {
        package var level = LogThreshold.info
    }
}
