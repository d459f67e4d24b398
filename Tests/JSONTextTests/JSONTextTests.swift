//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import JSONText
import Testing

@Suite("JSON text")
struct JSONTextTests {
    @Test("a value that is read is written as it was, its keys in order and its numbers spelt the same")
    func roundTrip() throws {
        let text = #"{"b":[1,-2.50,1e+3,0],"a":{"x":null,"é😀":true},"c":"q\" \\ / \n\t\r \u0000 \u2028","d":[],"e":{}}"#
        #expect(try JSONParser.parse(text).text == text)
        #expect(try JSONParser.parse(JSONParser.parse(text).indentedText()).text == text)
    }

    @Test("escapes and white space are read")
    func escapes() throws {
        let value = try JSONParser.parse(" { \"a\" : [ \"\\u00e9\\ud83d\\ude00\\/\\b\\f\" ,\r\n\t1 ] } ")
        #expect(value == .object([JSONMember("a", .array([.string("é😀/\u{8}\u{C}"), .number("1")]))]))
    }

    @Test("indented text has a member a line")
    func indented() {
        let value = JSONValue.object([
            JSONMember("a", .integer(1)), JSONMember("b", .array([.boolean(false), .object([])])),
        ])
        #expect(value.indentedText() == "{\n  \"a\": 1,\n  \"b\": [\n    false,\n    {}\n  ]\n}\n")
    }

    @Test("numbers are written so that they read back equal; what is not finite becomes a string")
    func numbers() throws {
        for number in [0.1, 1, -0.0, 1e300, Double.leastNonzeroMagnitude, 1.0 / 3, 123_456_789.125] {
            #expect(try JSONParser.parse(JSONValue.real(number).text).real == number)
        }
        #expect(JSONValue.real(1).text == "1.0" && JSONValue.real(1).integer() == nil)
        #expect(
            JSONValue.integer(UInt64.max).integer(UInt64.self) == .max
                && JSONValue.number("300").integer(UInt8.self) == nil)
        #expect(JSONValue.real(.nan).text == "\"NaN\"" && JSONValue.real(-.infinity).real == -.infinity)
        #expect(JSONValue.real(.nan).real?.isNaN == true)
    }

    @Test("members are found by key, and kinds are told apart")
    func access() {
        let value = JSONValue.object([JSONMember("a", .string("x")), JSONMember("b", .boolean(true))])
        #expect(value["a"]?.string == "x" && value["b"]?.boolean == true && value["c"] == nil)
        #expect(value["a"]?.boolean == nil && value.array == nil && value.members?.count == 2)
        #expect(JSONValue.null["a"] == nil && JSONValue.string("1").integer() == nil && JSONValue.null.real == nil)
    }

    @Test(
        "what is not JSON is an error",
        arguments: [
            "", " ", "{", "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{} x", "01", "1.", ".5", "+1", "1e", "-",
            "NaN", "tru", "nul", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"",
            "\"\t\"", "{\"a\":1,\"a\":2}", "{1:2}", "[1 2]", "{\"a\" 1}", "\u{FEFF}1",
        ])
    func refused(text: String) {
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(text) }
    }

    @Test("keys that are only canonically equivalent are different keys")
    func equivalentKeys() throws {
        let text = "{\"caf\u{E9}\":1,\"cafe\u{301}\":2}"
        #expect(try JSONParser.parse(text).text.unicodeScalars.elementsEqual(text.unicodeScalars))
    }

    @Test("values nest 64 deep and no deeper")
    func depth() throws {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        #expect(try JSONParser.parse(nested(64)).text == nested(64))
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(nested(65)) }
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(String(repeating: "[", count: 1_000_000)) }
    }

    @Test("a part of the bytes can be read alone, and offsets count from its start")
    func part() throws {
        let bytes = Array("[1] [2] x".utf8)
        #expect(try JSONParser.parse(bytes, in: 4..<7) == .array([.number("2")]))
        let failure = #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(bytes, in: 4..<9) }
        #expect(failure?.offset == 4)
    }
}
