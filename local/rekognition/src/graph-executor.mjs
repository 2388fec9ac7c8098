/** @import { Constant, GraphDescription, GraphNode, Kernel, NodeContext, StoredTensor, Value } from "./graph.js" */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { OPERATORS } from "./graph-operators.mjs";

const STORED = { int8: Int8Array, uint8: Uint8Array, float32: Float32Array };

/** @type {Promise<boolean> | undefined} */
let backend;

/** Start the WebAssembly backend of TensorFlow.js. Further calls return the same promise. */
export function startBackend() {
  const binary = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm");
  setWasmPaths(path.dirname(binary) + path.sep);
  return (backend ??= tf.setBackend("wasm"));
}

/**
 * Load the graph of a folder with graph.json and weights.bin. See graph.d.ts for the format.
 * @param {URL} folder ending in a slash
 */
export async function loadGraph(folder) {
  const [description, weights] = await Promise.all([
    readFile(new URL("graph.json", folder), "utf8"),
    readFile(new URL("weights.bin", folder)),
    startBackend(),
  ]);
  return new Graph(JSON.parse(description), weights);
}

/** @typedef {{ node: GraphNode, kernel: Kernel, released: string[] }} Step */

/** A graph whose weights are in the memory of the backend. */
export class Graph {
  #description;
  #weights = /** @type {tf.Tensor[]} */ ([]);
  #steps;

  /**
   * @param {GraphDescription} description
   * @param {Uint8Array} weights content of weights.bin
   */
  constructor(description, weights) {
    this.#description = description;
    const constants = readConstants(description, weights);
    this.#steps = withReleases(fuseActivations(description, constants), description.outputs).map(({ node, released }) => ({
      node,
      released,
      kernel: this.#prepare(node, constants),
    }));
    constants.clear(); // The kernels keep a reference, but the weights are in the memory of the backend now.
  }

  /**
   * Run the graph. Inputs and outputs with four axes have the order NHWC. The caller disposes both.
   * @param {Record<string, tf.Tensor>} inputs
   * @returns {Record<string, tf.Tensor>}
   */
  run(inputs) {
    return tf.tidy(() => {
      const values = new Map(this.#description.inputs.map((name) => [name, inputValue(name, inputs[name])]));
      for (const step of this.#steps) runStep(step, values);
      return Object.fromEntries(this.#description.outputs.map((name) => [name, outputTensor(name, values)]));
    });
  }

  /** Free the memory of the weights. */
  dispose() {
    tf.dispose(this.#weights);
  }

  /**
   * @param {GraphNode} node
   * @param {Map<string, Constant>} constants
   */
  #prepare(node, constants) {
    const operator = OPERATORS[node.op];
    if (!operator) throw new Error(`${node.name}: the operator ${node.op} is not supported`);
    const own = (/** @type {() => any} */ compute) => this.#own(compute);
    const constant = (/** @type {number} */ position) => constants.get(node.inputs[position]);
    return operator({
      node,
      constant,
      own,
      weight: (position, transform = (tensor) => tensor) =>
        own(() => {
          const { data, shape } = /** @type {Constant} */ (constant(position));
          return transform(tf.tensor(data, shape, "float32"));
        }),
    });
  }

  /**
   * @template {tf.Tensor} T
   * @param {() => T} compute
   */
  #own(compute) {
    const tensor = tf.keep(tf.tidy(compute));
    this.#weights.push(tensor);
    return tensor;
  }
}

/**
 * @param {string} name
 * @param {tf.Tensor | undefined} tensor
 * @returns {Value}
 */
function inputValue(name, tensor) {
  if (!tensor) throw new Error(`The input ${name} is missing`);
  return { tensor: tf.clone(tensor), channelsLast: tensor.rank === 4 };
}

/**
 * @param {Step} step
 * @param {Map<string, Value>} values
 */
function runStep({ node, kernel, released }, values) {
  const result = tf.tidy(() => kernel(node.inputs.map((name) => values.get(name))));
  values.set(node.outputs[0], result);
  for (const name of released) {
    values.get(name)?.tensor.dispose();
    values.delete(name);
  }
}

/**
 * @param {string} name
 * @param {Map<string, Value>} values
 */
function outputTensor(name, values) {
  const { tensor, channelsLast } = /** @type {Value} */ (values.get(name));
  return tensor.rank === 4 && !channelsLast ? tf.transpose(tensor, [0, 2, 3, 1]) : tensor;
}

/**
 * @param {GraphDescription} description
 * @param {Uint8Array} weights
 * @returns {Map<string, Constant>}
 */
const readConstants = ({ tensors }, weights) =>
  new Map(
    Object.entries(tensors).map(([name, stored]) => [name, { shape: stored.shape, data: dequantize(stored, weights) }]),
  );

/**
 * @param {StoredTensor} stored
 * @param {Uint8Array} weights
 */
function dequantize({ shape, type, offset, length, scale = 1, zero = 0, axis = 0 }, weights) {
  const bytes = new Uint8Array(weights.subarray(offset, offset + length)); // a copy, because offsets are not aligned
  const numbers = new STORED[type](bytes.buffer);
  const scales = Array.isArray(scale) ? scale : [scale];
  const stride = Array.isArray(scale) ? shape.slice(axis + 1).reduce((a, b) => a * b, 1) : numbers.length;
  const data = new Float32Array(numbers.length);
  for (let at = 0; at < data.length; at += 1)
    data[at] = (numbers[at] - zero) * scales[Math.floor(at / stride) % scales.length];
  return data;
}

/**
 * Merge each Relu and each Clip from 0 to 6 into the convolution before it: the backend applies them in one pass.
 * @param {GraphDescription} description
 * @param {Map<string, Constant>} constants
 * @returns {GraphNode[]}
 */
function fuseActivations({ nodes, outputs }, constants) {
  const users = usersOf(nodes);
  const fused = new Set();
  return nodes.flatMap((node) => {
    if (fused.has(node)) return [];
    const [output] = node.outputs;
    const [next, ...others] = users.get(output) ?? [];
    const activation = next && activationOf(next, constants);
    if (node.op !== "Conv" || !activation || others.length > 0 || outputs.includes(output)) return [node];
    fused.add(next);
    return [{ ...node, outputs: next.outputs, attributes: { ...node.attributes, activation } }];
  });
}

/**
 * @param {GraphNode} node
 * @param {Map<string, Constant>} constants
 */
function activationOf({ op, inputs, attributes }, constants) {
  if (op === "Relu") return "relu";
  const [min, max] = ["min", "max"].map((name, at) => attributes[name] ?? constants.get(inputs[at + 1])?.data[0]);
  return op === "Clip" && min === 0 && max === 6 ? "relu6" : undefined;
}

/**
 * Find the values that no later node needs after each node.
 * @param {GraphNode[]} nodes
 * @param {string[]} outputs of the graph
 */
function withReleases(nodes, outputs) {
  const lastUser = new Map(nodes.flatMap((node) => [...node.outputs, ...node.inputs].map((name) => [name, node])));
  return nodes.map((node) => {
    const names = [...new Set([...node.inputs, ...node.outputs])];
    return { node, released: names.filter((name) => lastUser.get(name) === node && !outputs.includes(name)) };
  });
}

/** @param {GraphNode[]} nodes */
function usersOf(nodes) {
  const users = /** @type {Map<string, GraphNode[]>} */ (new Map());
  for (const node of nodes) for (const name of node.inputs) users.set(name, [...(users.get(name) ?? []), node]);
  return users;
}
