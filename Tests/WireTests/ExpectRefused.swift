//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import Wire

/// Fails unless `make` is refused with `badField` naming `field`.
func expectRefused(
    _ field: String, sourceLocation: SourceLocation = #_sourceLocation, _ make: () throws -> some Any
) {
    do {
        let made = try make()
        Issue.record("\(field) was let through: \(made)", sourceLocation: sourceLocation)
    } catch let error as WireError {
        #expect(error.code == .badField, sourceLocation: sourceLocation)
        #expect(
            error.message.contains(".\(field):"), "expected \(field): \(error)", sourceLocation: sourceLocation)
    } catch {
        Issue.record("\(error)", sourceLocation: sourceLocation)
    }
}
