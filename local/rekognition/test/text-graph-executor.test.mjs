/** @import { GraphDescription, GraphNode, StoredTensor } from "../src/graph.js" */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as tf from "@tensorflow/tfjs-core";
import { Graph, startBackend } from "../src/graph-executor.mjs";

before(() => startBackend());

/** @typedef {{ shape: number[], data: number[] }} Numbers */

/** Numbers without a pattern that a wrong order of axes would preserve. @param {number[]} shape @returns {Numbers} */
const numbers = (...shape) => {
  const length = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Array.from({ length }, (_, at) => Math.round(Math.sin(at * 12.9898 + length) * 8) / 4) };
};

/**
 * Describe a graph from nodes and float32 constants.
 * @param {Partial<GraphNode>[]} nodes
 * @param {Record<string, Numbers>} constants
 */
function build(nodes, constants = {}, outputs = [nodes.at(-1)?.outputs?.[0] ?? "y"]) {
  const tensors = /** @type {Record<string, StoredTensor>} */ ({});
  const stored = /** @type {number[]} */ ([]);
  for (const [name, { shape, data }] of Object.entries(constants)) {
    tensors[name] = { shape, type: "float32", offset: stored.length * 4, length: data.length * 4 };
    stored.push(...data);
  }
  const complete = nodes.map((node, at) => ({ op: "Identity", name: `node ${at}`, inputs: ["x"], outputs: ["y"], attributes: {}, ...node }));
  return new Graph({ inputs: ["x"], outputs, nodes: complete, tensors }, new Uint8Array(Float32Array.from(stored).buffer));
}

/** @param {Numbers} image NCHW */
const toImage = ({ shape, data }) =>
  tf.tidy(() => (shape.length === 4 ? tf.transpose(tf.tensor(data, shape), [0, 2, 3, 1]) : tf.tensor(data, shape)));

/**
 * Run a graph on an input in the order of ONNX and return its output in this order.
 * @param {Graph} graph
 * @param {Numbers} x
 */
function run(graph, x) {
  return tf.tidy(() => {
    const [output] = Object.values(graph.run({ x: toImage(x) }));
    const ordered = output.rank === 4 ? tf.transpose(output, [0, 3, 1, 2]) : output;
    return { shape: ordered.shape, data: [...ordered.dataSync()] };
  });
}

/** @param {Numbers} actual @param {Numbers} expected */
function assertNear(actual, expected) {
  assert.deepEqual(actual.shape, expected.shape);
  actual.data.forEach((value, at) => assert.ok(Math.abs(value - expected.data[at]) < 1e-4, `${at}: ${value} is not ${expected.data[at]}`));
}

/** @param {Partial<GraphNode>} node @param {Numbers} x @param {Record<string, Numbers>} [constants] */
const runNode = (node, x, constants = {}) =>
  run(build([{ inputs: ["x", ...Object.keys(constants)], ...node }], constants), x);

/**
 * The definition of a convolution, for comparison.
 * @param {Numbers} x @param {Numbers} w @param {number[]} bias
 * @param {{ strides?: number[], pads?: number[], dilations?: number[], group?: number }} attributes
 */
function convolve(x, w, bias, { strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], group = 1 }) {
  const [, , height, width] = x.shape;
  const [filters, channels, kernelHeight, kernelWidth] = w.shape;
  const rows = Math.floor((height + pads[0] + pads[2] - dilations[0] * (kernelHeight - 1) - 1) / strides[0]) + 1;
  const columns = Math.floor((width + pads[1] + pads[3] - dilations[1] * (kernelWidth - 1) - 1) / strides[1]) + 1;
  const pixel = (/** @type {number} */ c, /** @type {number} */ row, /** @type {number} */ column) =>
    row < 0 || row >= height || column < 0 || column >= width ? 0 : x.data[(c * height + row) * width + column];
  const data = [];
  for (let f = 0; f < filters; f += 1)
    for (let row = 0; row < rows; row += 1)
      for (let column = 0; column < columns; column += 1) {
        let sum = bias[f];
        for (let c = 0; c < channels; c += 1)
          for (let i = 0; i < kernelHeight; i += 1)
            for (let j = 0; j < kernelWidth; j += 1) {
              const channel = Math.floor(f / (filters / group)) * channels + c;
              const value = pixel(channel, row * strides[0] - pads[0] + i * dilations[0], column * strides[1] - pads[1] + j * dilations[1]);
              sum += value * w.data[((f * channels + c) * kernelHeight + i) * kernelWidth + j];
            }
        data.push(sum);
      }
  return { shape: [1, filters, rows, columns], data };
}

/** @type {[what: string, filter: number[], attributes: { strides?: number[], pads?: number[], dilations?: number[], group?: number }][]} */
const CONVOLUTIONS = [
  ["with one group", [3, 4, 3, 3], { pads: [1, 1, 1, 1] }],
  ["with strides and uneven padding", [2, 4, 3, 2], { strides: [2, 1], pads: [0, 1, 1, 0] }],
  ["with dilation", [2, 4, 2, 2], { dilations: [2, 2] }],
  ["of one pixel", [5, 4, 1, 1], {}],
  ["per channel (depthwise)", [4, 1, 3, 3], { group: 4, pads: [1, 1, 1, 1], strides: [2, 2] }],
  ["per channel with two filters each", [8, 1, 3, 3], { group: 4, pads: [0, 1, 0, 1] }],
  ["per channel with a filter of one row", [4, 1, 1, 7], { group: 4, pads: [0, 3, 0, 3] }],
  ["per channel with a large filter", [4, 1, 7, 7], { group: 4, pads: [3, 3, 3, 3] }],
  ["per channel with a large filter and two filters each", [8, 1, 7, 7], { group: 4, pads: [3, 3, 3, 3] }],
  ["per channel with a large filter and uneven padding", [4, 1, 7, 7], { group: 4, pads: [3, 3, 2, 4] }],
  ["with two groups", [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1] }],
];

for (const [what, filter, attributes] of CONVOLUTIONS) {
  test(`a convolution ${what} follows its definition`, () => {
    const [x, w, b] = [numbers(1, 4, 7, 6), numbers(...filter), numbers(filter[0])];
    assertNear(runNode({ op: "Conv", attributes }, x, { w, b }), convolve(x, w, b.data, attributes));
  });
}

test("the padding SAME_UPPER keeps the size and pads the lower right", () => {
  const [x, w, b] = [numbers(1, 4, 5, 5), numbers(3, 4, 2, 2), numbers(3)];
  const actual = runNode({ op: "Conv", attributes: { auto_pad: "SAME_UPPER" } }, x, { w, b });
  assertNear(actual, convolve(x, w, b.data, { pads: [0, 0, 1, 1] }));
});

for (const [op, constants, limit] of /** @type {[string, Record<string, Numbers>, number][]} */ ([
  ["Relu", {}, Infinity],
  ["Clip", { min: { shape: [], data: [0] }, max: { shape: [], data: [6] } }, 6],
])) {
  for (const group of [1, 4]) {
    test(`a ${op} after a convolution with ${group} groups limits its output`, () => {
      const [x, w, b] = [numbers(1, 4, 5, 5), numbers(4, 4 / group, 3, 3), numbers(4)];
      const nodes = [
        { op: "Conv", inputs: ["x", "w", "b"], outputs: ["c"], attributes: { group } },
        { op, inputs: ["c", ...Object.keys(constants)], outputs: ["y"] },
      ];
      const { shape, data } = convolve(x, w, b.data, { group });
      const expected = { shape, data: data.map((value) => Math.min(limit, Math.max(0, value))) };
      assertNear(run(build(nodes, { w, b, ...constants }), x), expected);
    });
  }
}

test("an activation is not merged into a convolution that another node needs", () => {
  const [x, w] = [numbers(1, 2, 3, 3), numbers(2, 2, 1, 1)];
  const nodes = [
    { op: "Conv", inputs: ["x", "w"], outputs: ["c"] },
    { op: "Relu", inputs: ["c"], outputs: ["r"] },
    { op: "Sub", inputs: ["r", "c"], outputs: ["y"] },
  ];
  const { shape, data } = convolve(x, w, [0, 0], {});
  assertNear(run(build(nodes, { w }), x), { shape, data: data.map((value) => Math.max(0, value) - value) });
});

test("a transposed convolution makes a block of each pixel", () => {
  const x = { shape: [1, 2, 1, 2], data: [2, 3, 1, 0] };
  const w = { shape: [2, 2, 2, 2], data: [1, 10, 100, 1000, 5, 6, 7, 8, 0, 2, 0, 0, 1, 0, 0, 0] };
  const b = { shape: [2], data: [0.5, 0] };
  const first = [2.5, 22.5, 3.5, 30.5, 200.5, 2000.5, 300.5, 3000.5];
  const expected = { shape: [1, 2, 2, 4], data: [...first, 11, 12, 15, 18, 14, 16, 21, 24] };
  assertNear(runNode({ op: "ConvTranspose", attributes: { strides: [2, 2] } }, x, { w, b }), expected);
});

const GRID = { shape: [1, 2, 2, 2], data: [1, 2, 3, 4, -1, -2, -3, -4] };
const VECTOR = { shape: [4], data: [-4, -1, 1, 4] };
const MATRIX = { shape: [2, 3], data: [1, 2, 3, 4, 5, 6] };
const scalar = (/** @type {number} */ value) => ({ shape: [], data: [value] });
const list = (/** @type {number[]} */ ...data) => ({ shape: [data.length], data });

/** @type {[what: string, node: Partial<GraphNode>, x: Numbers, constants: Record<string, Numbers>, expected: Numbers][]} */
const OPERATIONS = [
  ["MaxPool", { op: "MaxPool", attributes: { kernel_shape: [2, 2], auto_pad: "SAME_UPPER" } }, GRID, {}, { shape: [1, 2, 2, 2], data: [4, 4, 4, 4, -1, -2, -3, -4] }],
  ["AveragePool", { op: "AveragePool", attributes: { kernel_shape: [2, 1], strides: [2, 1] } }, GRID, {}, { shape: [1, 2, 1, 2], data: [2, 3, -2, -3] }],
  ["AveragePool without its padding", { op: "AveragePool", attributes: { kernel_shape: [2, 2], strides: [2, 2], pads: [1, 1, 1, 1] } }, GRID, {}, GRID],
  ["GlobalAveragePool", { op: "GlobalAveragePool" }, GRID, {}, { shape: [1, 2, 1, 1], data: [2.5, -2.5] }],
  ["ReduceMean over pixels", { op: "ReduceMean", attributes: { axes: [2, 3] } }, GRID, {}, { shape: [1, 2, 1, 1], data: [2.5, -2.5] }],
  ["ReduceMean over channels", { op: "ReduceMean", attributes: { axes: [1] } }, GRID, {}, { shape: [1, 1, 2, 2], data: [0, 0, 0, 0] }],
  ["ReduceMean without its axes", { op: "ReduceMean", attributes: { axes: [2, 3], keepdims: 0 } }, GRID, {}, { shape: [1, 2], data: [2.5, -2.5] }],
  ["ReduceMean with axes as input", { op: "ReduceMean" }, MATRIX, { axes: list(-1) }, { shape: [2, 1], data: [2, 5] }],
  ["Add per channel", { op: "Add" }, GRID, { b: { shape: [2, 1, 1], data: [10, 20] } }, { shape: [1, 2, 2, 2], data: [11, 12, 13, 14, 19, 18, 17, 16] }],
  ["Mul per column", { op: "Mul" }, GRID, { b: list(1, 10) }, { shape: [1, 2, 2, 2], data: [1, 20, 3, 40, -1, -20, -3, -40] }],
  ["Sub of a scalar", { op: "Sub" }, VECTOR, { b: scalar(1) }, list(-5, -2, 0, 3)],
  ["Div with a constant numerator", { op: "Div", inputs: ["a", "x"] }, VECTOR, { a: scalar(4) }, list(-1, -4, 4, 1)],
  ["Sigmoid", { op: "Sigmoid" }, VECTOR, {}, list(0.0179862, 0.2689414, 0.7310586, 0.9820138)],
  ["Gelu", { op: "Gelu" }, VECTOR, {}, list(-0.0001267, -0.1586553, 0.8413447, 3.9998733)],
  ["Gelu by tanh", { op: "Gelu", attributes: { approximate: "tanh" } }, VECTOR, {}, list(-0.0000702, -0.1588080, 0.8411920, 3.9999298)],
  ["HardSigmoid", { op: "HardSigmoid", attributes: { alpha: 0.25, beta: 0.5 } }, VECTOR, {}, list(0, 0.25, 0.75, 1)],
  ["HardSwish", { op: "HardSwish" }, VECTOR, {}, list(0, -1 / 3, 2 / 3, 4)],
  ["Clip", { op: "Clip", attributes: { min: -2, max: 2 } }, VECTOR, {}, list(-2, -1, 1, 2)],
  ["Clip without an upper limit", { op: "Clip" }, VECTOR, { min: scalar(0) }, list(0, 0, 1, 4)],
  ["Softmax", { op: "Softmax", attributes: { axis: -1 } }, { shape: [1, 2], data: [0, Math.log(3)] }, {}, { shape: [1, 2], data: [0.25, 0.75] }],
  ["LayerNormalization", { op: "LayerNormalization", attributes: { epsilon: 0 } }, { shape: [1, 2], data: [1, 3] }, { scale: list(2, 2), bias: list(1, 1) }, { shape: [1, 2], data: [-1, 3] }],
  ["MatMul", { op: "MatMul" }, MATRIX, { w: { shape: [3, 1], data: [1, 10, 100] } }, { shape: [2, 1], data: [321, 654] }],
  ["MatMul of a batch", { op: "MatMul" }, { shape: [1, 2, 3], data: MATRIX.data }, { w: { shape: [3, 1], data: [1, 10, 100] } }, { shape: [1, 2, 1], data: [321, 654] }],
  ["Gemm with a transposed matrix", { op: "Gemm", attributes: { transB: 1 } }, MATRIX, { w: { shape: [1, 3], data: [1, 10, 100] }, b: list(0.5) }, { shape: [2, 1], data: [321.5, 654.5] }],
  ["Concat of channels", { op: "Concat", inputs: ["x", "x"], attributes: { axis: 1 } }, GRID, {}, { shape: [1, 4, 2, 2], data: [...GRID.data, ...GRID.data] }],
  ["Concat with a constant", { op: "Concat", attributes: { axis: 0 } }, VECTOR, { b: list(7) }, list(-4, -1, 1, 4, 7)],
  ["Slice", { op: "Slice" }, MATRIX, { starts: list(-2), ends: list(100), axes: list(1) }, { shape: [2, 2], data: [2, 3, 5, 6] }],
  ["Reshape of an image", { op: "Reshape" }, GRID, { shape: list(0, -1) }, { shape: [1, 8], data: GRID.data }],
  ["Flatten", { op: "Flatten" }, GRID, {}, { shape: [1, 8], data: GRID.data }],
  ["Transpose", { op: "Transpose", attributes: { perm: [1, 0] } }, MATRIX, {}, { shape: [3, 2], data: [1, 4, 2, 5, 3, 6] }],
  ["Squeeze", { op: "Squeeze" }, { shape: [1, 2, 1, 2], data: [1, 2, 3, 4] }, { axes: list(-2) }, { shape: [1, 2, 2], data: [1, 2, 3, 4] }],
  ["Unsqueeze", { op: "Unsqueeze" }, VECTOR, { axes: list(0, -1) }, { shape: [1, 4, 1], data: VECTOR.data }],
  [
    "Resize to the nearest pixel",
    { op: "Resize", inputs: ["x", "", "scales"], attributes: { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" } },
    { shape: [1, 1, 1, 2], data: [1, 2] }, { scales: list(1, 1, 2, 2) }, { shape: [1, 1, 2, 4], data: [1, 1, 2, 2, 1, 1, 2, 2] },
  ],
  [
    "Resize between pixels",
    { op: "Resize", inputs: ["x", "", "", "sizes"], attributes: { mode: "linear" } },
    { shape: [1, 1, 1, 2], data: [0, 4] }, { sizes: list(1, 1, 1, 4) }, { shape: [1, 1, 1, 4], data: [0, 1, 3, 4] },
  ],
];

for (const [what, node, x, constants, expected] of OPERATIONS) {
  test(`${what} follows ONNX`, () => assertNear(runNode(node, x, constants), expected));
}

/** @param {Partial<StoredTensor>} stored @param {number[]} bytes */
const readStored = (stored, bytes) => {
  const tensors = { w: { shape: [2, 2], type: /** @type {const} */ ("int8"), offset: 1, length: 4, ...stored } };
  const node = { op: "Add", name: "sum", inputs: ["x", "w"], outputs: ["y"], attributes: {} };
  const graph = new Graph({ inputs: ["x"], outputs: ["y"], nodes: [node], tensors }, Buffer.from([99, ...bytes]));
  return run(graph, { shape: [2, 2], data: [0, 0, 0, 0] }).data;
};

test("int8 weights have one scale per index of an axis", () => {
  assert.deepEqual(readStored({ scale: [1, 0.5] }, [1, 255, 2, 254]), [1, -1, 1, -1]);
  assert.deepEqual(readStored({ scale: [1, 0.5], axis: 1 }, [1, 255, 2, 254]), [1, -0.5, 2, -1]);
});

test("uint8 weights have one scale and a zero point", () => {
  assert.deepEqual(readStored({ type: "uint8", scale: 0.5, zero: 128 }, [128, 130, 255, 0]), [0, 1, 63.5, -64]);
});

test("a run releases everything but its outputs, and disposing the graph releases its weights", () => {
  const initial = tf.memory().numTensors;
  const [x, w] = [numbers(1, 2, 3, 3), numbers(2, 2, 1, 1)];
  const nodes = [
    { op: "Conv", inputs: ["x", "w"], outputs: ["c"] },
    { op: "Gelu", inputs: ["c"], outputs: ["unused"] },
    { op: "Sigmoid", inputs: ["c"], outputs: ["y"] },
  ];
  const graph = build(nodes, { w });
  const input = toImage(x);
  const loaded = tf.memory().numTensors;
  const { y } = graph.run({ x: input });
  assert.equal(tf.memory().numTensors, loaded + 1);
  tf.dispose([y, input]);
  graph.dispose();
  assert.equal(tf.memory().numTensors, initial);
});

test("a failed run releases everything", () => {
  const graph = build([{ op: "Relu", outputs: ["r"] }, { op: "Add", inputs: ["r", "b"] }], { b: numbers(5) });
  const x = tf.tensor([1, 2, 3]);
  const initial = tf.memory().numTensors;
  assert.throws(() => graph.run({ x }), /broadcast/);
  assert.equal(tf.memory().numTensors, initial);
});

test("an unknown operator, unsupported attributes and a missing input are reported with their names", () => {
  assert.throws(() => build([{ op: "Einsum", name: "product" }]), /product: the operator Einsum is not supported/);
  const pool = { op: "MaxPool", name: "pool", attributes: { kernel_shape: [2, 2], ceil_mode: 1 } };
  assert.throws(() => build([pool]), /pool: these attributes of MaxPool are not supported: .*"ceil_mode":1/);
  assert.throws(() => build([{ op: "Relu" }]).run({}), /The input x is missing/);
});
