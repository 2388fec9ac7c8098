/** @import { GraphNode, Kernel, NodeContext, Value } from "./graph.js" */
import * as tf from "@tensorflow/tfjs-core";

/**
 * A kernel whose result does not depend on the order of the axes.
 * @param {(x: tf.Tensor) => tf.Tensor} compute
 * @returns {Kernel}
 */
export const unary = (compute) => ([x]) => {
  const { tensor, channelsLast: last } = /** @type {Value} */ (x);
  return { tensor: compute(tensor), channelsLast: last };
};

/**
 * A kernel that needs the order of the axes of ONNX.
 * @param {(x: tf.Tensor) => tf.Tensor} compute
 * @returns {Kernel}
 */
export const logical = (compute) => ([x]) => logicalValue(compute(tensorOf(x)));

/** @param {tf.Tensor} tensor @returns {Value} */
export const channelsLast = (tensor) => ({ tensor, channelsLast: true });

/** @param {tf.Tensor} tensor @returns {Value} */
export const logicalValue = (tensor) => ({ tensor, channelsLast: false });

/**
 * Return the tensor in the order of axes of ONNX.
 * @param {Value | undefined} value
 */
export function tensorOf(value) {
  const { tensor, channelsLast: last } = /** @type {Value} */ (value);
  return last ? tf.transpose(tensor, [0, 3, 1, 2]) : tensor;
}

/**
 * Return the tensor in the order NHWC. A tensor with fewer axes, such as a constant, gets leading axes of length 1.
 * @param {Value | undefined} value
 * @returns {tf.Tensor4D}
 */
export function imageOf(value) {
  const { tensor, channelsLast: last } = /** @type {Value} */ (value);
  if (last) return /** @type {tf.Tensor4D} */ (tensor);
  const shape = /** @type {[number, number, number, number]} */ ([...Array(4 - tensor.rank).fill(1), ...tensor.shape]);
  return tf.transpose(tf.reshape(tensor, shape), [0, 2, 3, 1]);
}

/**
 * Return the position of an axis of ONNX in the tensor of a value.
 * @param {Value} value
 * @param {number} axis
 */
export function axisIn({ tensor, channelsLast: last }, axis) {
  const positive = axis < 0 ? axis + tensor.rank : axis;
  return last ? [0, 3, 1, 2][positive] : positive;
}

/** @param {NodeContext} context */
export const biasOf = (context) => (context.constant(2) ? /** @type {tf.Tensor1D} */ (context.weight(2)) : undefined);

/**
 * @param {GraphNode} node
 * @param {string} name
 * @param {number} preset value if the node does not contain the attribute
 */
export const number = ({ attributes }, name, preset) => /** @type {number} */ (attributes[name] ?? preset);

/**
 * Return integers that are an attribute in older versions of an operator and a constant input in newer ones.
 * @param {NodeContext} context
 * @param {string} name of the attribute
 * @param {number} position of the input
 */
export function integers({ node, constant }, name, position) {
  const data = constant(position)?.data;
  return /** @type {number[] | undefined} */ (node.attributes[name] ?? (data && [...data]));
}

/**
 * @param {NodeContext} context
 * @param {number} position
 */
export function required({ node, constant }, position) {
  const found = constant(position);
  if (!found) throw new Error(`${node.name}: input ${position} of ${node.op} must be a constant`);
  return found;
}

/** @param {GraphNode} node */
export const unsupportedAttributes = ({ name, op, attributes }) =>
  new Error(`${name}: these attributes of ${op} are not supported: ${JSON.stringify(attributes)}`);

/** @param {unknown} values */
export const ones = (values) => values === undefined || /** @type {number[]} */ (values).every((value) => value === 1);

/**
 * Compute a tensor from a tensor that is not needed any longer.
 * @template {tf.Tensor} T
 * @param {T} old
 * @param {() => T} compute
 */
export function replace(old, compute) {
  const result = tf.tidy(compute);
  old.dispose();
  return result;
}
