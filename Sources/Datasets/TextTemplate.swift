//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A text made of columns: "Meaning: {mr}\nText: {ref}".
///
/// A name in braces stands for the column's text, as in the header or as a 0-based number; two braces stand for one.
package struct TextTemplate: Sendable, Hashable, CustomStringConvertible {
    private enum Piece: Sendable, Hashable {
        case literal(String)
        case column(ColumnSelector)
    }

    private let pieces: [Piece]
    /// As the user wrote it.
    package let description: String

    /// The column's text as it is.
    package init(_ column: ColumnSelector) {
        pieces = [.column(column)]
        description = "{\(column)}"
    }

    /// - Throws: `DatasetError` with code `description` for braces that do not match or a name that is empty.
    package init(_ text: String) throws(DatasetError) {
        func refuse(_ reason: String) -> DatasetError {
            DatasetError(
                .description, source: "the template \"\(text)\"", "\(reason); write {{ and }} for braces of the text")
        }
        var pieces: [Piece] = []
        var literal = ""
        var name: String?
        var rest = Substring(text)
        while let character = rest.popFirst() {
            if var column = name {
                if character == "{" { throw refuse("a brace within a column's name") }
                if character == "}" {
                    guard !column.isEmpty else { throw refuse("a column without a name") }
                    pieces += [.literal(literal), .column(ColumnSelector(column))]
                    (literal, name) = ("", nil)
                } else {
                    column.append(character)
                    name = column
                }
            } else if character == "{" || character == "}" {
                if rest.first == character {
                    literal.append(character)
                    rest.removeFirst()
                } else if character == "{" {
                    name = ""
                } else {
                    throw refuse("a closing brace without an opening one")
                }
            } else {
                literal.append(character)
            }
        }
        guard name == nil else { throw refuse("an opening brace without a closing one") }
        self.pieces = (pieces + [.literal(literal)]).filter { $0 != .literal("") }
        description = text
    }

    /// The columns in their order; one that occurs twice is there twice.
    package var columns: [ColumnSelector] {
        pieces.compactMap { if case .column(let column) = $0 { column } else { nil } }
    }

    /// Whether it is one column's text and nothing else.
    var isColumn: Bool { pieces.count == 1 && columns.count == 1 }

    /// The text with the columns' texts in place.
    /// - Precondition: One text a column.
    package func filled(_ texts: [String]) -> String {
        var texts = texts[...]
        return pieces.reduce(into: "") { result, piece in
            switch piece {
            case .literal(let text): result += text
            case .column:
                guard let text = texts.popFirst() else { preconditionFailure("too few texts for \(description)") }
                result += text
            }
        }
    }
}
