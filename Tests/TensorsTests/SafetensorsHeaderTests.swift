//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors
import Testing

/// The bytes of a file with this header and so many bytes of data.
func safetensorsBytes(_ header: String, data: Int = 0, statedLength: UInt64? = nil) -> [UInt8] {
    safetensorsBytes(Array(header.utf8), data: data, statedLength: statedLength)
}

func safetensorsBytes(_ header: [UInt8], data: Int = 0, statedLength: UInt64? = nil) -> [UInt8] {
    let length = statedLength ?? UInt64(header.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + header + [UInt8](repeating: 0, count: data)
}

private func parse(_ bytes: [UInt8]) throws -> SafetensorsHeader {
    try bytes.withUnsafeBytes { try SafetensorsHeader.parse($0, file: "x.safetensors") }
}

private func refusal(_ bytes: [UInt8]) -> TensorFileError? {
    do {
        _ = try parse(bytes)
        return nil
    } catch {
        return error as? TensorFileError
    }
}

struct SafetensorsHeaderTests {
    @Test("a header with every feature of the format is read")
    func everyFeature() throws {
        let header = """
            { "__metadata__" : {"format":"pt", "k\\u00e9y\\n":"\\ud83d\\ude00"},
              "b":{"shape":[],"dtype":"F32","data_offsets":[12,16]},
              "empty":{"dtype":"F64","shape":[0,7],"data_offsets":[12,12]},
              "a\\/\\"\\\\":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]} }  \n
            """
        let parsed = try parse(safetensorsBytes(header, data: 16))
        #expect(parsed.metadata == ["format": "pt", "k\u{e9}y\n": "\u{1F600}"])
        let start = 8 + header.utf8.count
        #expect(parsed.entries.map(\.name) == ["a/\"\\", "empty", "b"])
        #expect(parsed.entries.map(\.shape) == [[2, 3], [0, 7], []])
        #expect(parsed.entries.map(\.dtype) == [.bfloat16, .float64, .float32])
        #expect(parsed.entries.map(\.count) == [6, 0, 1])
        #expect(
            parsed.entries.map(\.byteRange) == [start..<start + 12, start + 12..<start + 12, start + 12..<start + 16])
    }

    @Test("a file without tensors is read")
    func noTensors() throws {
        #expect(try parse(safetensorsBytes("{}")).entries.isEmpty)
    }

    @Test("every element type has the width that the format gives it", arguments: DType.allCases)
    func widths(dtype: DType) throws {
        let bytes = 8 * dtype.bitCount / 8
        let header = "{\"t\":{\"dtype\":\"\(dtype.rawValue)\",\"shape\":[8],\"data_offsets\":[0,\(bytes)]}}"
        #expect(try parse(safetensorsBytes(header, data: bytes)).entries[0].count == 8)
        #expect(refusal(safetensorsBytes(header, data: bytes + 1))?.code == .hole)
    }

    static func entry(_ shape: String, _ begin: Int, _ end: Int) -> String { entry("t", "F32", shape, begin, end) }

    static func entry(_ name: String, _ dtype: String, _ shape: String, _ begin: Int, _ end: Int) -> String {
        "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":[\(begin),\(end)]}"
    }

    /// A header, how many bytes of data follow it, and the code it is refused with.
    static let badHeaders: [(String, Int, TensorFileError.Code)] = [
        ("", 0, .badHeader),
        ("[]", 0, .badHeader),
        ("{", 0, .badHeader),
        ("{}x", 0, .badHeader),
        ("{} {}", 0, .badHeader),
        ("{\"a\"}", 0, .badHeader),
        ("{\"a\":1}", 0, .badHeader),
        ("{\"a\":{}}", 0, .badHeader),
        ("{\"a\":{},}", 0, .badHeader),
        ("{\"a\":[[[[[[]]]]]]}", 0, .badHeader),
        ("{\(entry("[2]", 0, 8)),}", 8, .badHeader),
        ("{\(entry("[2,]", 0, 8))}", 8, .badHeader),
        ("{\(entry("[2.0]", 0, 8))}", 8, .badHeader),
        ("{\(entry("[02]", 0, 8))}", 8, .badHeader),
        ("{\(entry("[-2]", 0, 8))}", 8, .badHeader),
        ("{\(entry("[2e0]", 0, 8))}", 8, .badHeader),
        ("{\(entry("2", 0, 8))}", 8, .badHeader),
        ("{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8, .badHeader),
        ("{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", 8, .badHeader),
        ("{\"t\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, .badHeader),
        ("{\"t\":{\"dtype\":4,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, .badHeader),
        ("{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8, .badHeader),
        ("{\"__metadata__\":{\"a\":1}}", 0, .badHeader),
        ("{\"__metadata__\":{\"a\":{\"b\":\"c\"}}}", 0, .badHeader),
        ("{\"a\u{0}\":{}}", 0, .badHeader),
        ("{\"a\\x\":{}}", 0, .badHeader),
        ("{\"\\ud800\":{}}", 0, .badHeader),
        ("{\"\\ud800\\u0041\":{}}", 0, .badHeader),
        ("{\"\\udc00\\ud800\":{}}", 0, .badHeader),
        ("{\"\\u12g4\":{}}", 0, .badHeader),
        ("{\"never closed", 0, .badHeader),
        ("{\"never closed\\", 0, .badHeader),
        ("{\(entry("[2]", 0, 8)),\(entry("[2]", 8, 16))}", 16, .duplicateName),
        ("{\"__metadata__\":{},\"__metadata__\":{}}", 0, .duplicateName),
        ("{\"__metadata__\":{\"a\":\"b\",\"a\":\"b\"}}", 0, .duplicateName),
        ("{\"t\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, .duplicateName),
        ("{\(entry("t", "F33", "[2]", 0, 8))}", 8, .unknownElementType),
        ("{\(entry("t", "f32", "[2]", 0, 8))}", 8, .unknownElementType),
        ("{\(entry("[4611686018427387904,4]", 0, 8))}", 8, .shapeOverflow),
        ("{\(entry("[18446744073709551616]", 0, 8))}", 8, .shapeOverflow),
        ("{\(entry("[9223372036854775807]", 0, 8))}", 8, .shapeOverflow),
        ("{\(entry("[\([String](repeating: "1", count: 65).joined(separator: ","))]", 0, 4))}", 4, .shapeOverflow),
        ("{\(entry("[2]", 8, 0))}", 8, .badOffsets),
        ("{\(entry("[2]", 0, 4))}", 4, .badOffsets),
        ("{\(entry("[3]", 0, 8))}", 8, .badOffsets),
        ("{\(entry("t", "F4", "[3]", 0, 2))}", 2, .badOffsets),
        ("{\(entry("[2]", 0, 8))}", 7, .truncated),
        ("{\(entry("[2]", 0, 8))}", 9, .hole),
        ("{\(entry("[2]", 4, 12))}", 12, .hole),
        ("{\(entry("[2]", 0, 8)),\(entry("u", "F32", "[2]", 12, 20))}", 20, .hole),
        ("{\(entry("[2]", 0, 8)),\(entry("u", "F32", "[2]", 4, 12))}", 12, .overlap),
        ("{\(entry("[2]", 0, 8)),\(entry("u", "F32", "[2]", 0, 8))}", 8, .overlap),
        ("{}", 1, .hole),
    ]

    @Test("every bad header is refused with its own code, naming the file", arguments: badHeaders)
    func bad(header: String, data: Int, code: TensorFileError.Code) {
        let error = refusal(safetensorsBytes(header, data: data))
        #expect(error?.code == code, "\(header): \(error?.message ?? "accepted")")
        #expect(error?.message.hasPrefix("x.safetensors") == true)
    }

    @Test("texts that are not UTF-8 are refused")
    func notUTF8() {
        for bad: [UInt8] in [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]] {
            let header = Array("{\"".utf8) + bad + Array("\":{\"dtype\":\"F32\"}}".utf8)
            #expect(refusal(safetensorsBytes(header))?.code == .badText)
        }
    }

    @Test("a stated header length beyond the file or the limit is refused")
    func lengths() {
        #expect(refusal([])?.code == .truncated)
        #expect(refusal([2, 0, 0, 0, 0, 0, 0])?.code == .truncated)
        #expect(refusal(safetensorsBytes("{}", statedLength: 3))?.code == .truncated)
        #expect(refusal(safetensorsBytes("{}", statedLength: 100_000_000))?.code == .truncated)
        #expect(refusal(safetensorsBytes("{}", statedLength: 100_000_001))?.code == .headerTooLong)
        #expect(refusal(safetensorsBytes("{}", statedLength: .max))?.code == .headerTooLong)
        #expect(refusal(safetensorsBytes("{}", statedLength: 1 << 63))?.code == .headerTooLong)
        #expect(refusal(safetensorsBytes("{}", statedLength: 1))?.code == .badHeader)
    }

    @Test("no prefix of a good file is accepted, and no changed byte brings the reader down")
    func damage() throws {
        let header = "{\(Self.entry("[2]", 0, 8)),\(Self.entry("u", "F16", "[2,1]", 8, 12))}"
        let good = safetensorsBytes(header, data: 12)
        _ = try parse(good)
        for length in 0..<good.count {
            #expect(refusal(Array(good[..<length])) != nil)
        }
        var accepted = 0
        for place in 0..<8 + header.utf8.count {
            for value in UInt8.min...UInt8.max where value != good[place] {
                var bytes = good
                bytes[place] = value
                accepted += refusal(bytes) == nil ? 1 : 0
            }
        }
        // Names may differ (u, t), and F16 and BF16, I16, U16 have one width; nearly all else is refused.
        #expect(accepted > 0 && accepted < 600, "\(accepted) accepted")
    }
}
