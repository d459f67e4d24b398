//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

// The generated initialisers, one conformance a message. The generated types are known by these short names in Wire.

typealias CHello = Loradrop__Wire__V1__Hello
typealias CWelcome = Loradrop__Wire__V1__Welcome
typealias CRefusal = Loradrop__Wire__V1__Refusal
typealias CMember = Loradrop__Wire__V1__Member
typealias CRoster = Loradrop__Wire__V1__Roster
typealias CLinksReady = Loradrop__Wire__V1__LinksReady
typealias CHeartbeat = Loradrop__Wire__V1__Heartbeat
typealias CFailure = Loradrop__Wire__V1__Failure
typealias CFarewell = Loradrop__Wire__V1__Farewell
typealias CPhaseStart = Loradrop__Wire__V1__PhaseStart
typealias CPhaseReady = Loradrop__Wire__V1__PhaseReady
typealias CExample = Loradrop__Wire__V1__Example
typealias CShard = Loradrop__Wire__V1__Shard
typealias CShardAssignment = Loradrop__Wire__V1__ShardAssignment
typealias CStepReport = Loradrop__Wire__V1__StepReport
typealias CPredictionReport = Loradrop__Wire__V1__PredictionReport
typealias CTextReport = Loradrop__Wire__V1__TextReport
typealias CSnapshotRequest = Loradrop__Wire__V1__SnapshotRequest
typealias CSnapshot = Loradrop__Wire__V1__Snapshot
typealias CHalt = Loradrop__Wire__V1__Halt
typealias CHalted = Loradrop__Wire__V1__Halted
typealias CLogRecord = Loradrop__Wire__V1__LogRecord
typealias CLogBatch = Loradrop__Wire__V1__LogBatch
typealias CLogAcknowledgement = Loradrop__Wire__V1__LogAcknowledgement
typealias CLinkHello = Loradrop__Wire__V1__LinkHello

extension CHello: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__hello__init(message)
    }
}

extension CWelcome: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__welcome__init(message)
    }
}

extension CRefusal: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__refusal__init(message)
    }
}

extension CMember: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__member__init(message)
    }
}

extension CRoster: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__roster__init(message)
    }
}

extension CLinksReady: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__links_ready__init(message)
    }
}

extension CHeartbeat: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__heartbeat__init(message)
    }
}

extension CFailure: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__failure__init(message)
    }
}

extension CFarewell: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__farewell__init(message)
    }
}

extension CPhaseStart: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__phase_start__init(message)
    }
}

extension CPhaseReady: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__phase_ready__init(message)
    }
}

extension CExample: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__example__init(message)
    }
}

extension CShard: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__shard__init(message)
    }
}

extension CShardAssignment: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__shard_assignment__init(message)
    }
}

extension CStepReport: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__step_report__init(message)
    }
}

extension CPredictionReport: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__prediction_report__init(message)
    }
}

extension CTextReport: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__text_report__init(message)
    }
}

extension CSnapshotRequest: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__snapshot_request__init(message)
    }
}

extension CSnapshot: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__snapshot__init(message)
    }
}

extension CHalt: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__halt__init(message)
    }
}

extension CHalted: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__halted__init(message)
    }
}

extension CLogRecord: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__log_record__init(message)
    }
}

extension CLogBatch: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__log_batch__init(message)
    }
}

extension CLogAcknowledgement: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__log_acknowledgement__init(message)
    }
}

extension CLinkHello: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__link_hello__init(message)
    }
}
