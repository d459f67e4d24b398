//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors
import Testing

@Suite("Matrices as views, and the memory that passes take them from")
struct WorkspaceTests {
    @Test("rows and columns are views of the same floats")
    func views() {
        let matrix = Matrix(rows: 4, columns: 6, values: (0..<24).map(Float.init))
        let part = matrix.rows(1..<3).columns(2..<5)
        #expect(part.values == [8, 9, 10, 14, 15, 16])
        #expect(part.rowStride == 6 && !part.isContiguous && part.count == 6)
        part[1, 0] = -1
        #expect(matrix[2, 2] == -1)
        part.fill(7)
        #expect(matrix.values.count { $0 == 7 } == 6 + 1)
        #expect(matrix[3, 2] == 20)
    }

    @Test("a matrix without gaps has other shapes")
    func reshaped() {
        let matrix = Matrix(rows: 2, columns: 6, values: (0..<12).map(Float.init))
        #expect(matrix.reshaped(rows: 3, columns: 4)[2, 1] == 9)
        #expect(matrix.rows(1..<2).reshaped(rows: 6, columns: 1)[5, 0] == 11)
    }

    @Test("what is taken does not overlap, starts on a cache line, and is given back at the scope's end")
    func scopes() {
        let workspace = Workspace(blockSize: 100)
        workspace.scope {
            let first = workspace.matrix(rows: 3, columns: 7)
            first.fill(1)
            let inner = workspace.scope {
                let second = workspace.matrix(rows: 5, columns: 5)
                second.fill(2)
                #expect(first.values == [Float](repeating: 1, count: 21))
                return second
            }
            let third = workspace.zeros(rows: 5, columns: 5)
            #expect(third.values == [Float](repeating: 0, count: 25))
            inner[0, 0] = 9
            #expect(third[0, 0] == 9, "the memory of the inner scope is taken again")
            // More than a block, then more than what is left of one.
            let large = workspace.zeros(rows: 30, columns: 30)
            let small = workspace.zeros(rows: 9, columns: 9)
            large.fill(3)
            small.fill(4)
            #expect(first.values == [Float](repeating: 1, count: 21))
            #expect(large.values == [Float](repeating: 3, count: 900))
        }
    }

    @Test("the same requests again take no more memory")
    func steadyState() {
        let workspace = Workspace(blockSize: 1000)
        func step() {
            workspace.scope {
                for size in 1...40 {
                    _ = workspace.matrix(rows: size, columns: size)
                }
            }
        }
        step()
        let bytes = workspace.byteCount
        for _ in 0..<10 {
            step()
        }
        #expect(workspace.byteCount == bytes)
        #expect(bytes >= 4 * (1...40).reduce(0) { $0 + $1 * $1 })
    }
}
