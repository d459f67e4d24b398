//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Times of day as text: ISO 8601 in UTC with nanoseconds, `2026-01-02T03:04:05.000000006Z`.
package enum Timestamp {
    private static let nanosecondsPerDay = 86_400_000_000_000

    /// The text of a time in nanoseconds since 1970.
    package static func text(nanoseconds: Int) -> String {
        let date = civilDate(daysSince1970: floorDivide(nanoseconds, nanosecondsPerDay))
        return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))T"
            + "\(clockText(nanoseconds: nanoseconds)).\(padded(floorRemainder(nanoseconds, 1_000_000_000), 9))Z"
    }

    /// The hours, minutes and seconds alone, in UTC: `03:04:05`.
    package static func clockText(nanoseconds: Int) -> String {
        let seconds = floorRemainder(nanoseconds, nanosecondsPerDay) / 1_000_000_000
        return "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    }

    /// The time that a text of exactly this form stands for; nil for any other text.
    package static func nanoseconds(of text: String) -> Int? {
        let digits = Array(text.utf8)
        guard digits.count == 30 else {
            return nil
        }
        func number(_ range: Range<Int>) -> Int? {
            Int(String(decoding: digits[range], as: UTF8.self))
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), let fraction = number(20..<29)
        else {
            return nil
        }
        let days = daysSince1970(year: year, month: month, day: day)
        let (whole, overflow) = (days * 86_400 + hour * 3600 + minute * 60 + second)
            .multipliedReportingOverflow(by: 1_000_000_000)
        let (nanoseconds, carry) = whole.addingReportingOverflow(fraction)
        // Writing it again rules out a month 13, a missing separator or a sign.
        guard !overflow, !carry, self.text(nanoseconds: nanoseconds) == text else {
            return nil
        }
        return nanoseconds
    }

    // Source of both conversions: Hinnant, "chrono-Compatible Low-Level Date Algorithms" (days_from_civil and
    // civil_from_days): years begin in March, eras have 400 years or 146097 days.

    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = floorDivide(shiftedYear, 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civilDate(daysSince1970: Int) -> (year: Int, month: Int, day: Int) {
        let days = daysSince1970 + 719_468
        let era = floorDivide(days, 146_097)
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth + (shiftedMonth < 10 ? 3 : -9)
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        )
    }

    private static func floorDivide(_ number: Int, _ divisor: Int) -> Int {
        number / divisor - (number % divisor < 0 ? 1 : 0)
    }

    private static func floorRemainder(_ number: Int, _ divisor: Int) -> Int {
        let remainder = number % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
