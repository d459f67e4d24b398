//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

/// Attention that looks back only, example by example: no token reads another example's or a later one.
///
/// Several heads of the query may read one head of key and value.
///
/// Probabilities are not kept: backward computes them again, which costs one of its five products and saves
/// heads · tokens² floats a layer.
struct CausalAttention {
    let headCount: Int
    let keyHeadCount: Int
    let headSize: Int
    /// How many tokens a token looks back at most; nil: all.
    let window: Int?

    /// Rows of the query whose scores are held at a time.
    private static let blockSize = 64

    /// 1/√headSize.
    private var scale: Float { 1 / Float(headSize).squareRoot() }

    /// Keys and values of one example from its first token on, [tokens, key heads · headSize].
    struct Memory {
        let keys: Matrix
        let values: Matrix
    }

    /// Consecutive queries of one example, and the keys that any of them reads.
    private struct Block {
        /// Rows of the example's queries.
        let rows: Range<Int>
        /// Tokens of the example.
        let keys: Range<Int>
        /// The first query's place among the keys.
        let first: Int
    }

    private func blocks(_ queryCount: Int, firstPosition: Int) -> [Block] {
        stride(from: 0, to: queryCount, by: Self.blockSize).map { start in
            let end = min(start + Self.blockSize, queryCount)
            let begin = window.map { max(0, firstPosition + start + 1 - $0) } ?? 0
            return Block(
                rows: start..<end, keys: begin..<firstPosition + end, first: firstPosition + start - begin)
        }
    }

    /// Computes the context, [query rows, heads · headSize].
    /// - Parameters:
    ///   - query: [query rows, heads · headSize]; `queryRows` says which tokens they are.
    ///   - memory: Of an example.
    func forward(
        query: Matrix, queryRows: RowLayout, memory: (Int) -> Memory, into context: Matrix, workspace: Workspace
    ) {
        for example in 0..<queryRows.exampleCount where !queryRows.rows(of: example).isEmpty {
            let query = query.rows(queryRows.rows(of: example))
            let context = context.rows(queryRows.rows(of: example))
            let memory = memory(example)
            let blocks = blocks(query.rowCount, firstPosition: queryRows.firstPosition(of: example))
            for keyHead in 0..<keyHeadCount {
                workspace.scope {
                    let keys = transposed(memory.keys, keyHead, workspace)
                    let values = memory.values.columns(columns(of: keyHead))
                    for head in heads(readingKeyHead: keyHead) {
                        for block in blocks {
                            workspace.scope {
                                let probabilities = probabilities(
                                    block, query.columns(columns(of: head)), keys, workspace)
                                context.rows(block.rows).columns(columns(of: head)).setProduct(
                                    probabilities, values.rows(block.keys))
                            }
                        }
                    }
                }
            }
        }
    }

    /// [queries, keys] of a block, by one head.
    private func probabilities(_ block: Block, _ query: Matrix, _ keys: Matrix, _ workspace: Workspace) -> Matrix {
        let result = workspace.matrix(rows: block.rows.count, columns: block.keys.count)
        result.setProduct(query.rows(block.rows), keys.columns(block.keys))
        result.applyCausalSoftmax(scale: scale, first: block.first, window: window)
        return result
    }

    /// The inputs' gradients, each computed only where there is a matrix for it.
    struct Gradients {
        let query: Matrix?
        let key: Matrix?
        let value: Matrix?
    }

    /// Computes `gradients` from that of the context, [query rows, heads · headSize].
    /// - Parameters:
    ///   - key: [tokens, key heads · headSize].
    ///   - value: The same.
    ///   - rows: The layout of key and value.
    func backward(
        _ contextGradient: Matrix, query: Matrix, key: Matrix, value: Matrix, queryRows: RowLayout, rows: RowLayout,
        gradients: Gradients, workspace: Workspace
    ) {
        // A key head's gradient is the sum over the heads and blocks that read it, in their order.
        gradients.key?.fill(0)
        gradients.value?.fill(0)
        for example in 0..<rows.exampleCount {
            let (queries, tokens) = (queryRows.rows(of: example), rows.rows(of: example))
            let one = Example(
                outer: contextGradient.rows(queries), query: query.rows(queries), key: key.rows(tokens),
                value: value.rows(tokens),
                gradients: Gradients(
                    query: gradients.query?.rows(queries), key: gradients.key?.rows(tokens),
                    value: gradients.value?.rows(tokens)),
                blocks: blocks(queries.count, firstPosition: queryRows.firstPosition(of: example)))
            for keyHead in 0..<keyHeadCount {
                workspace.scope { backward(one, keyHead: keyHead, workspace: workspace) }
            }
        }
    }

    /// What backward reads and writes of one example.
    private struct Example {
        let outer: Matrix
        let query: Matrix
        let key: Matrix
        let value: Matrix
        let gradients: Gradients
        let blocks: [Block]
    }

    private func backward(_ example: Example, keyHead: Int, workspace: Workspace) {
        let gradients = example.gradients
        let own = columns(of: keyHead)
        let keys = transposed(example.key, keyHead, workspace)
        let values = transposed(example.value, keyHead, workspace)
        for head in heads(readingKeyHead: keyHead) {
            let columns = columns(of: head)
            for block in example.blocks {
                workspace.scope {
                    let probabilities = probabilities(block, example.query.columns(columns), keys, workspace)
                    let outer = example.outer.rows(block.rows).columns(columns)
                    gradients.value?.rows(block.keys).columns(own).setProduct(
                        transposed: probabilities, outer, adding: true)
                    guard gradients.query != nil || gradients.key != nil else { return }
                    let scores = workspace.matrix(rows: block.rows.count, columns: block.keys.count)
                    scores.setProduct(outer, values.columns(block.keys))
                    scores.applyCausalSoftmaxBackward(
                        probabilities: probabilities, scale: scale, first: block.first, window: window)
                    gradients.query?.rows(block.rows).columns(columns).setProduct(
                        scores, example.key.rows(block.keys).columns(own))
                    gradients.key?.rows(block.keys).columns(own).setProduct(
                        transposed: scores, example.query.rows(block.rows).columns(columns), adding: true)
                }
            }
        }
    }

    /// A head's columns of keys or values as [headSize, tokens].
    private func transposed(_ x: Matrix, _ keyHead: Int, _ workspace: Workspace) -> Matrix {
        let result = workspace.matrix(rows: headSize, columns: x.rowCount)
        result.copy(transposed: x.columns(columns(of: keyHead)))
        return result
    }

    private func heads(readingKeyHead keyHead: Int) -> Range<Int> {
        let group = headCount / keyHeadCount
        return keyHead * group..<(keyHead + 1) * group
    }

    private func columns(of head: Int) -> Range<Int> {
        head * headSize..<(head + 1) * headSize
    }
}
