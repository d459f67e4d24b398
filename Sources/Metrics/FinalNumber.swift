//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The number that a worked answer ends with.
enum FinalNumber {
    private static let mark = "####"

    /// The number behind the first `####`, as GSM8K marks it, or else the last number of the text; without commas and
    /// without a full stop at its end.
    static func of(_ text: String) -> String? {
        let scalars = Array(text.unicodeScalars)
        let mark = Array(Self.mark.unicodeScalars)
        let places = scalars.indices.filter { scalars[$0...].starts(with: mark) }
        guard let place = places.first else { return numbers(in: scalars[...]).last }
        return numbers(in: scalars[(place + mark.count)...]).first
    }

    private static func numbers(in scalars: ArraySlice<Unicode.Scalar>) -> [String] {
        var numbers: [String] = []
        var number = ""
        func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
        func close() {
            while number.hasSuffix(".") { number.removeLast() }
            if number.unicodeScalars.contains(where: isDigit) { numbers.append(number) }
            number = ""
        }
        for scalar in scalars {
            if isDigit(scalar) || scalar == "." && !number.isEmpty {
                number.unicodeScalars.append(scalar)
            } else if scalar == ",", number.unicodeScalars.last.map(isDigit) == true {
                continue
            } else {
                close()
                if scalar == "-" { number = "-" }
            }
        }
        close()
        return numbers
    }
}
