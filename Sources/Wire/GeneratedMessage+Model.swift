//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

// The generated initialisers of the messages of model links, and the types' short names in Wire.

typealias CModelRequest = Loradrop__Wire__V1__ModelRequest
typealias CModelFile = Loradrop__Wire__V1__ModelFile
typealias CModelManifest = Loradrop__Wire__V1__ModelManifest
typealias CModelPieceRequest = Loradrop__Wire__V1__ModelPieceRequest
typealias CModelPiece = Loradrop__Wire__V1__ModelPiece
typealias CModelQueue = Loradrop__Wire__V1__ModelQueue

extension CModelRequest: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__model_request__init(message)
    }
}

extension CModelFile: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__model_file__init(message)
    }
}

extension CModelManifest: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__model_manifest__init(message)
    }
}

extension CModelPieceRequest: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__model_piece_request__init(message)
    }
}

extension CModelPiece: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__model_piece__init(message)
    }
}

extension CModelQueue: GeneratedMessage {
    static func prepare(_ message: UnsafeMutablePointer<Self>) {
        loradrop__wire__v1__model_queue__init(message)
    }
}
