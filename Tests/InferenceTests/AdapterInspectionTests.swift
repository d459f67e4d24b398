//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Inference
import JSONText
import LoRA
import Testing

struct AdapterInspectionTests {
    @Test("an inspection of an adapter or of its run says what was decided")
    func ownAdapter() throws {
        try withFolder { folder in
            let random = try RandomAdapter()
            try random.write(to: folder + "/adapter")
            let inspection = try AdapterInspection(adapterOrRun: folder)
            #expect(inspection.folder == folder + "/adapter")
            #expect(inspection.shared.map(\.module) == ["attention.self.query", "attention.self.value"])
            #expect(inspection.shared.allSatisfy { $0.layers == [0, 2] })
            #expect(inspection.lines.contains("kept layers     1, 3"))
            #expect(inspection.lines.contains("shared layers   0, 2"))
            let json = try JSONParser.parse(inspection.jsonText)
            #expect(json["rank"] == .integer(3))
            #expect(json["lora_drop"]?["shared_lora"] == .string("trained"))
            #expect(json["lora_drop"]?["max_sequence_length"] == .integer(24))
            #expect(json["lora_drop"]?["shard_tokens"] == .integer(48))
            #expect(json["lora_drop"]?["labels"] == .array([.string("no"), .string("yes")]))
            #expect(json["lora_drop"]?["kept_layers"] == .array([.integer(1), .integer(3)]))
            #expect(try AdapterInspection(adapterOrRun: folder + "/adapter").jsonText == inspection.jsonText)
        }
    }

    @Test("a copy of the shared LoRA that was changed is found")
    func changedCopy() throws {
        try withFolder { folder in
            try RandomAdapter().write(to: folder)
            let path = folder + "/" + PEFTAdapter.weightsFile
            var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
            // The first tensor's bytes follow the header, whose length stands in front: layer 0's A, which is shared.
            let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
            bytes[8 + length] ^= 1
            try Data(bytes).write(to: URL(filePath: path))
            let error = refusal(InferenceError.self) { _ = try AdapterInspection(adapterOrRun: folder) }
            #expect(error?.code == .brokenSharing)
            #expect(error?.message.contains("layers 0 and 2") == true)
        }
    }

    @Test("an adapter of PEFT's own hand is shown without a record")
    func peft() throws {
        let inspection = try AdapterInspection(adapterOrRun: Vectors.adapter("small"))
        #expect(inspection.record == nil)
        #expect(inspection.shared.isEmpty)
        #expect(inspection.configuration.settings.adapterRank == 4)
        #expect(try JSONParser.parse(inspection.jsonText)["lora_drop"] == .null)
    }

    @Test("a folder without an adapter is refused with both places that were looked at")
    func nothing() throws {
        try withFolder { folder in
            let error = refusal(InferenceError.self) { _ = try AdapterInspection(adapterOrRun: folder) }
            #expect(error?.code == .noAdapter)
            #expect(error?.message.contains("\(folder)/adapter/adapter_config.json") == true)
        }
    }
}
