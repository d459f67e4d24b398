//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A strict reader of the JSON that a safetensors header may consist of: an object of flat objects, nothing deeper.
///
/// It is written by hand because a general JSON reader hides keys that stand twice, which lets two readers see two
/// different files, and because nesting is bounded here by the grammar.
struct SafetensorsHeaderParser {
    /// A tensor's entry as it stands in the file; only its form is checked.
    struct RawEntry {
        let name: String
        let dtype: String
        let shape: [Int]
        let offsets: (begin: Int, end: Int)
    }

    private let bytes: UnsafeRawBufferPointer
    private let file: String
    private var place = 0

    init(_ bytes: UnsafeRawBufferPointer, file: String) {
        self.bytes = bytes
        self.file = file
    }

    /// Reads the whole header.
    mutating func header() throws(TensorFileError) -> ([RawEntry], metadata: [String: String]) {
        var entries: [RawEntry] = []
        var metadata: [String: String] = [:]
        var names: Set<String> = []
        try object(of: "the header") { parser, name throws(TensorFileError) in
            guard names.insert(name).inserted else {
                throw TensorFileError(.duplicateName, "\(parser.file): the header names \(name) twice")
            }
            if name == SafetensorsHeader.metadataName {
                metadata = try parser.metadata()
            } else {
                entries.append(try parser.entry(name: name))
            }
        }
        skipSpace()
        guard place == bytes.count else {
            throw unexpected("only spaces behind the header's last brace")
        }
        return (entries, metadata)
    }

    private mutating func metadata() throws(TensorFileError) -> [String: String] {
        var pairs: [String: String] = [:]
        try object(of: "__metadata__") { parser, key throws(TensorFileError) in
            guard pairs[key] == nil else {
                throw TensorFileError(.duplicateName, "\(parser.file): __metadata__ has the key \(key) twice")
            }
            parser.skipSpace()
            pairs[key] = try parser.string()
        }
        return pairs
    }

    private mutating func entry(name: String) throws(TensorFileError) -> RawEntry {
        var dtype: String?
        var shape: [Int]?
        var offsets: [Int]?
        try object(of: "tensor \(name)") { parser, key throws(TensorFileError) in
            parser.skipSpace()
            switch key {
            case "dtype" where dtype == nil:
                dtype = try parser.string()
            case "shape" where shape == nil:
                shape = try parser.integers(of: name, limit: SafetensorsHeader.dimensionLimit)
            case "data_offsets" where offsets == nil:
                offsets = try parser.integers(of: name, limit: 2)
            case "dtype", "shape", "data_offsets":
                throw TensorFileError(.duplicateName, "\(parser.file), tensor \(name): \(key) stands twice")
            default:
                throw TensorFileError(
                    .badHeader,
                    "\(parser.file), tensor \(name): expected dtype, shape and data_offsets, found the key \(key)")
            }
        }
        guard let dtype, let shape, let offsets else {
            let missing = [
                dtype == nil ? "dtype" : nil, shape == nil ? "shape" : nil, offsets == nil ? "data_offsets" : nil,
            ]
            throw TensorFileError(
                .badHeader,
                "\(file), tensor \(name): \(missing.compactMap { $0 }.joined(separator: " and ")) missing")
        }
        guard offsets.count == 2 else {
            throw TensorFileError(
                .badHeader, "\(file), tensor \(name): data_offsets must be two numbers, found \(offsets.count)")
        }
        return RawEntry(name: name, dtype: dtype, shape: shape, offsets: (offsets[0], offsets[1]))
    }

    // MARK: JSON

    private mutating func object(
        of what: String, _ value: (inout Self, _ key: String) throws(TensorFileError) -> Void
    ) throws(TensorFileError) {
        skipSpace()
        try expect("{", "the object of \(what)")
        skipSpace()
        if accept("}") { return }
        repeat {
            skipSpace()
            let key = try string()
            skipSpace()
            try expect(":", "a colon behind \(key)")
            try value(&self, key)
            skipSpace()
        } while accept(",")
        try expect("}", "a comma or the closing brace of \(what)")
    }

    private mutating func integers(of name: String, limit: Int) throws(TensorFileError) -> [Int] {
        try expect("[", "a list of numbers of tensor \(name)")
        skipSpace()
        if accept("]") { return [] }
        var result: [Int] = []
        repeat {
            skipSpace()
            result.append(try integer(of: name))
            guard result.count <= limit else {
                throw TensorFileError(
                    limit == 2 ? .badHeader : .shapeOverflow,
                    "\(file), tensor \(name): a list of more than \(limit) numbers")
            }
            skipSpace()
        } while accept(",")
        try expect("]", "a comma or the closing bracket of a list of tensor \(name)")
        return result
    }

    /// A natural number without sign, leading zeros, fraction or exponent.
    private mutating func integer(of name: String) throws(TensorFileError) -> Int {
        let start = place
        var value = 0
        while place < bytes.count, case UInt8(ascii: "0")...UInt8(ascii: "9") = bytes[place] {
            let shifted = value.multipliedReportingOverflow(by: 10)
            let sum = shifted.partialValue.addingReportingOverflow(Int(bytes[place] - UInt8(ascii: "0")))
            guard !shifted.overflow && !sum.overflow else {
                throw TensorFileError(.shapeOverflow, "\(file), tensor \(name): a number beyond 2^63")
            }
            value = sum.partialValue
            place += 1
        }
        guard place > start, place - start == 1 || bytes[start] != UInt8(ascii: "0") else {
            throw unexpected("a natural number of tensor \(name)")
        }
        return value
    }

    private mutating func string() throws(TensorFileError) -> String {
        try expect("\"", "a text in quotation marks")
        var text: [UInt8] = []
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let valid = String(validating: text, as: UTF8.self) else {
                    throw TensorFileError(
                        .badText, "\(file): a text of the header that ends at byte \(place + 7) is not UTF-8")
                }
                return valid
            case UInt8(ascii: "\\"):
                text.append(contentsOf: try escape())
            case 0..<0x20:
                place -= 1
                throw unexpected("no control character inside a text")
            default:
                text.append(byte)
            }
        }
        throw unexpected("the closing quotation mark of a text")
    }

    private mutating func escape() throws(TensorFileError) -> [UInt8] {
        guard place < bytes.count else { throw unexpected("a character behind a backslash") }
        let byte = bytes[place]
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(Character(try escapedScalar())).utf8)
        default:
            place -= 1
            throw unexpected("one of \"\\/bfnrtu behind a backslash")
        }
    }

    /// The scalar of \uXXXX, or of a surrogate pair of them.
    private mutating func escapedScalar() throws(TensorFileError) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, accept("\\"), accept("u") else { throw unexpected("a surrogate pair") }
        let second = try hexadecimal()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw unexpected("a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws(TensorFileError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard place < bytes.count, let digit = Character(Unicode.Scalar(bytes[place])).hexDigitValue else {
                throw unexpected("four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            place += 1
        }
        return value
    }

    private mutating func skipSpace() {
        while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) {
            place += 1
        }
    }

    private mutating func accept(_ character: Unicode.Scalar) -> Bool {
        guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar, _ what: String) throws(TensorFileError) {
        guard accept(character) else { throw unexpected(what) }
    }

    private func unexpected(_ what: String) -> TensorFileError {
        let found = place < bytes.count ? "byte \(bytes[place])" : "the header's end"
        // Bytes are counted from the start of the file, as a hexadecimal viewer shows them.
        return TensorFileError(.badHeader, "\(file): expected \(what) at byte \(place + 8), found \(found)")
    }
}
