//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CProtobufC
import CWireMessages

/// A C message that protoc-c generated.
///
/// Its first member is always `base`, a `ProtobufCMessage`; the rest of this file stands on that.
protocol GeneratedMessage {
    init()
    /// The generated `…__init`.
    static func prepare(_ message: UnsafeMutablePointer<Self>)
}

extension GeneratedMessage {
    /// An empty message.
    static func prepared() -> Self {
        var message = Self()
        prepare(&message)
        return message
    }

    /// The message in protobuf's binary format.
    func packed() -> [UInt8] {
        var copy = self
        return withUnsafePointer(to: &copy) { pointer in
            let base = UnsafeRawPointer(pointer).assumingMemoryBound(to: ProtobufCMessage.self)
            let size = protobuf_c_message_get_packed_size(base)
            // protobuf-c does not take a null buffer, and an array made with no capacity writes its count into the
            // storage that all empty arrays share: a race to the thread sanitizer.
            guard size > 0 else { return [] }
            return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                count = protobuf_c_message_pack(base, buffer.baseAddress)
                precondition(count == size, "protobuf-c packed \(count) bytes, announced \(size)")
            }
        }
    }

    /// Unpacks a message, hands it to `body` and frees it.
    ///
    /// The memory that protobuf-c takes is bounded by the bytes that came: small fields that blow up to large structs
    /// are an error, not an allocation.
    static func withUnpacked<Value>(
        _ bytes: [UInt8], kind: FrameKind, _ body: (Self) throws(WireError) -> Value
    ) throws(WireError) -> Value {
        var template = prepared()
        let descriptor = withUnsafeBytes(of: &template) { $0.load(as: ProtobufCMessage.self).descriptor }
        var budget = AllocationBudget(remaining: 64 * 1024 + 32 * bytes.count)
        let result: Result<Value, WireError> = withUnsafeMutablePointer(to: &budget) { budget in
            var allocator = ProtobufCAllocator(
                alloc: AllocationBudget.allocate, free: AllocationBudget.free, allocator_data: budget)
            let unpacked = bytes.withUnsafeBufferPointer {
                protobuf_c_message_unpack(descriptor, &allocator, $0.count, $0.baseAddress)
            }
            guard let unpacked else {
                return .failure(
                    budget.pointee.isExceeded
                        ? WireError(.oversized, "a \(kind) message of \(bytes.count) bytes takes too much memory")
                        : WireError(.malformed, "\(bytes.count) bytes that are no \(kind) message"))
            }
            defer { protobuf_c_message_free_unpacked(unpacked, &allocator) }
            let message = UnsafeRawPointer(unpacked).assumingMemoryBound(to: Self.self).pointee
            do throws(WireError) {
                return .success(try body(message))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

/// How much memory one unpacking may still take, in bytes.
///
/// What is freed in between is not given back.
private struct AllocationBudget {
    var remaining: Int
    var isExceeded = false

    static let allocate: @convention(c) (UnsafeMutableRawPointer?, Int) -> UnsafeMutableRawPointer? = { data, size in
        guard let budget = data?.assumingMemoryBound(to: AllocationBudget.self) else {
            return nil
        }
        guard size <= budget.pointee.remaining else {
            budget.pointee.isExceeded = true
            return nil
        }
        budget.pointee.remaining -= size
        return UnsafeMutableRawPointer.allocate(byteCount: max(size, 1), alignment: 16)
    }

    static let free: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void = { _, pointer in
        pointer?.deallocate()
    }
}

/// Memory that C messages point to while they are packed.
final class EncodingArena {
    private var blocks: [UnsafeMutableRawPointer] = []

    deinit {
        for block in blocks {
            block.deallocate()
        }
    }

    /// A copy of an array; null for an empty one.
    func array<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeMutablePointer<Element>? {
        guard !elements.isEmpty else {
            return nil
        }
        let copy = UnsafeMutablePointer<Element>.allocate(capacity: elements.count)
        copy.initialize(from: elements, count: elements.count)
        blocks.append(UnsafeMutableRawPointer(copy))
        return copy
    }

    /// Bytes as a `bytes` field has them.
    func data(_ bytes: [UInt8]) -> ProtobufCBinaryData {
        ProtobufCBinaryData(len: bytes.count, data: array(bytes))
    }

    /// A text's UTF-8 as a `bytes` field.
    func text(_ text: String) -> ProtobufCBinaryData {
        data(Array(text.utf8))
    }

    /// Messages as a repeated field has them: an array of pointers.
    func messages<Message: GeneratedMessage>(
        _ messages: [Message]
    ) -> UnsafeMutablePointer<UnsafeMutablePointer<Message>?>? {
        guard !messages.isEmpty else {
            return nil
        }
        let copy = UnsafeMutablePointer<Message>.allocate(capacity: messages.count)
        copy.initialize(from: messages, count: messages.count)
        blocks.append(UnsafeMutableRawPointer(copy))
        let pointers = UnsafeMutablePointer<UnsafeMutablePointer<Message>?>.allocate(capacity: messages.count)
        for index in messages.indices {
            (pointers + index).initialize(to: copy + index)
        }
        blocks.append(UnsafeMutableRawPointer(pointers))
        return pointers
    }
}

extension FieldChecks {
    /// A `bytes` field that holds a text.
    func decodeText(_ field: String, _ data: ProtobufCBinaryData) throws(WireError) -> String {
        guard let text = String(validating: UnsafeBufferPointer(start: data.data, count: data.len), as: UTF8.self)
        else {
            throw error(field, "\(data.len) bytes that are not UTF-8")
        }
        return text
    }

    /// A 64-bit field whose range ends at 2^63 - 1 at the latest.
    func decodeInteger(_ field: String, _ value: UInt64) throws(WireError) -> Int {
        guard let integer = Int(exactly: value) else {
            throw error(field, "expected at most \(Int.max), found \(value)")
        }
        return integer
    }

    /// A repeated field of token ids.
    func decodeTokens(
        _ field: String, _ pointer: UnsafeMutablePointer<UInt32>?, _ count: Int
    ) throws(WireError) -> [Int32] {
        let numbers = UnsafeBufferPointer(start: pointer, count: count)
        if let large = numbers.first(where: { $0 > UInt32(Int32.max) }) {
            throw error(field, "expected at most \(Int32.max), found \(large)")
        }
        return numbers.map { Int32($0) }
    }

    /// A repeated field of messages.
    func decodeMessages<Message: GeneratedMessage, Value>(
        _ field: String, _ pointers: UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: Int,
        _ decode: (Message) throws(WireError) -> Value
    ) throws(WireError) -> [Value] {
        var values: [Value] = []
        for pointer in UnsafeBufferPointer(start: pointers, count: count) {
            guard let message = pointer?.pointee else {
                throw error(field, "an entry without a message")
            }
            values.append(try decode(message))
        }
        return values
    }
}

extension Array {
    /// A repeated field of numbers.
    init(copying pointer: UnsafeMutablePointer<Element>?, count: Int) {
        self.init(UnsafeBufferPointer(start: pointer, count: count))
    }

    /// A repeated field of 32-bit numbers, as numbers of the program.
    init(widening pointer: UnsafeMutablePointer<UInt32>?, count: Int) where Element == Int {
        self = UnsafeBufferPointer(start: pointer, count: count).map { Int($0) }
    }
}

extension ProtobufCBinaryData {
    /// A copy of the bytes.
    var bytes: [UInt8] {
        [UInt8](copying: data, count: len)
    }
}
