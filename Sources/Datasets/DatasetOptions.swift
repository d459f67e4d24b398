//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// How the rows of a data file are written.
package enum DataFormat: String, Sendable, Hashable, CaseIterable {
    /// One row a line, fields between tabs; quotes are ordinary characters unless quoting is asked for.
    case tsv
    /// RFC 4180: fields between commas, quoted where they hold commas, quotes or line breaks.
    case csv
    /// One JSON object a line.
    case jsonl

    /// The format that a file's name ends with: `.tsv .tab .txt`, `.csv`, `.jsonl .ndjson`; nil for any other.
    package init?(fileName: String) {
        guard let dot = fileName.lastIndex(of: "."), !fileName[dot...].contains("/") else {
            return nil
        }
        switch fileName[dot...].lowercased() {
        case ".tsv", ".tab", ".txt": self = .tsv
        case ".csv": self = .csv
        case ".jsonl", ".ndjson": self = .jsonl
        default: return nil
        }
    }
}

/// What the model is to tell of a text.
package enum TaskKind: String, Sendable, Hashable, CaseIterable {
    /// One class out of a list of labels.
    case classification
    /// One number.
    case regression
    /// A text that goes on with another one.
    case generation
}

/// A column: a name of the header or a key of the JSON objects, or else a 0-based number.
///
/// A number that is also a name in the header is taken as the name.
package struct ColumnSelector: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package init(_ number: Int) {
        text = String(number)
    }

    /// The selector as a 0-based number: decimal digits only, nil for anything else.
    package var number: Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    package var description: String { text }
}

/// Which columns a task reads.
package struct DataColumns: Sendable, Hashable {
    package var text: TextTemplate
    /// The second text of a pair, or the completion of a prompt; nil where there is one text a row.
    package var textPair: TextTemplate?
    /// Nil where a file is only to be predicted.
    package var label: ColumnSelector?

    package init(text: ColumnSelector, textPair: ColumnSelector? = nil, label: ColumnSelector? = nil) {
        self.init(text: TextTemplate(text), textPair: textPair.map { TextTemplate($0) }, label: label)
    }

    package init(text: TextTemplate, textPair: TextTemplate?, label: ColumnSelector? = nil) {
        self.text = text
        self.textPair = textPair
        self.label = label
    }
}

/// How a data file is to be read.
package struct DatasetOptions: Sendable, Hashable {
    /// Nil: by the end of the file's name.
    package var format: DataFormat?
    /// Whether the first line of a TSV or CSV file names the columns.
    package var header: Bool
    /// Whether double quotes enclose fields; nil: in CSV yes, in TSV no (with it on, MRPC would lose rows).
    package var quoting: Bool?
    package var columns: DataColumns
    /// What the label column holds.
    package var kind: TaskKind

    package init(
        format: DataFormat? = nil, header: Bool = true, quoting: Bool? = nil, columns: DataColumns,
        kind: TaskKind = .classification
    ) {
        self.format = format
        self.header = header
        self.quoting = quoting
        self.columns = columns
        self.kind = kind
    }
}

/// The sizes above which a file is refused rather than read.
package enum DataLimits {
    /// A file is read into memory as a whole: 4 GiB.
    package static let fileByteCount = 4 << 30
    /// One row, quoted line breaks included: 16 MiB.
    package static let recordByteCount = 16 << 20
    /// The fields of one row.
    package static let fieldCount = 65_536
    /// Classes of one task; above it the label column is probably not one.
    package static let labelCount = 65_536
}
