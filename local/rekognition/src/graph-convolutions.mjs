/** @import { GraphNode, Kernel, NodeContext, Operator } from "./graph.js" */
import * as tf from "@tensorflow/tfjs-core";
import { biasOf, channelsLast, imageOf, number, ones, replace, required, unsupportedAttributes } from "./graph-values.mjs";

/** @type {Operator} */
export function convolution(context) {
  const { node } = context;
  const [filters, channelsPerGroup, height, width] = required(context, 1).shape;
  const groups = number(node, "group", 1);
  const options = { ...convolutionWindow(node), activation: activation(node), bias: biasOf(context) };
  if (groups > 1 && channelsPerGroup === 1) {
    const filter = /** @type {tf.Tensor4D} */ (
      context.weight(1, (weight) => tf.transpose(tf.reshape(weight, [groups, filters / groups, height, width]), [2, 3, 0, 1]))
    );
    return isLargeAndCentred(filter, options) ? dilatedDepthwise(context, filter, options.bias) : depthwise(filter, options);
  }
  const filter = /** @type {tf.Tensor4D} */ (context.weight(1, (weight) => tf.transpose(weight, [2, 3, 1, 0])));
  if (groups > 1) return groupedConvolution(filter, groups, options);
  return ([x]) => channelsLast(tf.fused.conv2d({ ...options, x: imageOf(x), filter }));
}

/**
 * @typedef {{ strides: [number, number], dilations: [number, number], pad: ExplicitPadding | "same",
 *   activation: "linear" | "relu" | "relu6", bias: tf.Tensor1D | undefined }} ConvolutionOptions
 * @typedef {[[0, 0], [number, number], [number, number], [0, 0]]} ExplicitPadding
 */

/**
 * @param {tf.Tensor4D} filter
 * @param {ConvolutionOptions} options
 * @returns {Kernel}
 */
const depthwise = (filter, { pad, ...options }) => {
  const explicit = /** @type {any} */ (pad); // supported, but missing in the types of TensorFlow.js
  return ([x]) => channelsLast(tf.fused.depthwiseConv2d({ ...options, pad: explicit, x: imageOf(x), filter }));
};

/**
 * Return whether a depthwise filter of 7 x 7 pixels or more is centred on each pixel. The backend has fast code for
 * 3 x 3 and 5 x 5 pixels only, and needs 8 times as long per pixel for larger filters.
 * @param {tf.Tensor4D} filter
 * @param {ConvolutionOptions} options
 */
function isLargeAndCentred({ shape: [height, width] }, { strides, dilations, pad, activation: merged }) {
  const reach = (height - 1) / 2;
  const centred = pad !== "same" && pad.slice(1, 3).flat().every((one) => one === reach);
  return reach > 2 && height === width && centred && ones(strides) && ones(dilations) && merged === "linear";
}

/**
 * A depthwise convolution with a large filter: the sum of convolutions with 3 x 3 of its pixels, at all distances from
 * the centre.
 * @param {NodeContext} context
 * @param {tf.Tensor4D} filter
 * @param {tf.Tensor1D | undefined} bias
 * @returns {Kernel}
 */
function dilatedDepthwise(context, filter, bias) {
  const reach = (filter.shape[0] - 1) / 2;
  const distances = Array.from({ length: reach }, (_, at) => at + 1);
  const parts = distances.flatMap((y) =>
    distances.map((x) => ({
      distance: /** @type {[number, number]} */ ([y, x]),
      part: context.own(() => pixelsAt(filter, reach, y, x)),
    })),
  );
  return ([x]) => {
    const image = imageOf(x);
    const [first, ...others] = parts.map(
      ({ distance, part }) => () => tf.depthwiseConv2d(image, part, 1, "same", "NHWC", distance),
    );
    const total = others.reduce((sum, convolve) => replace(sum, () => tf.add(sum, convolve())), first());
    return channelsLast(bias ? tf.add(total, bias) : total);
  };
}

/**
 * Return the pixels of a filter at the distances -y, 0 and y by -x, 0 and x from its centre. The pixels on the axes
 * belong to the parts with the distance 1 of the other axis only.
 * @param {tf.Tensor4D} filter
 * @param {number} reach distance of the edges from the centre
 * @param {number} y
 * @param {number} x
 * @returns {tf.Tensor4D}
 */
function pixelsAt(filter, reach, y, x) {
  const rows = tf.gather(filter, [reach - y, reach, reach + y], 0);
  const pixels = tf.gather(rows, [reach - x, reach, reach + x], 1);
  const used = [-y, 0, y].flatMap((row) => [-x, 0, x].map((column) => (row !== 0 || y === 1) && (column !== 0 || x === 1)));
  return tf.mul(pixels, tf.tensor(used.map(Number), [3, 3, 1, 1]));
}

/**
 * @param {tf.Tensor4D} filter
 * @param {number} groups
 * @param {ConvolutionOptions} options
 * @returns {Kernel}
 */
function groupedConvolution(filter, groups, { bias, ...options }) {
  return ([x]) => {
    const filters = /** @type {tf.Tensor4D[]} */ (tf.split(filter, groups, 3));
    const biases = bias && tf.split(bias, groups);
    const parts = /** @type {tf.Tensor4D[]} */ (tf.split(imageOf(x), groups, 3));
    const outputs = parts.map((part, group) =>
      tf.fused.conv2d({ ...options, x: part, filter: filters[group], bias: biases?.[group] }),
    );
    return channelsLast(tf.concat(outputs, 3));
  };
}

/**
 * A transposed convolution whose windows do not overlap: each pixel becomes a block of pixels. A convolution of one
 * pixel computes all pixels of the block as channels, which is much faster than TensorFlow's general operator.
 * @type {Operator}
 */
export function transposedConvolution(context) {
  const { node } = context;
  const [channels, filters, height, width] = required(context, 1).shape;
  const { strides, pads, autoPad } = windowOf(node);
  const separate = strides[0] === height && strides[1] === width && !autoPad && !pads.some(Boolean);
  const plain = number(node, "group", 1) === 1 && !node.attributes.output_padding && ones(node.attributes.dilations);
  if (!separate || !plain) throw unsupportedAttributes(node);
  const filter = /** @type {tf.Tensor4D} */ (
    context.weight(1, (weight) => tf.reshape(tf.transpose(weight, [0, 2, 3, 1]), [1, 1, channels, -1]))
  );
  const bias = biasOf(context);
  return ([x]) => {
    const [batch, rows, columns] = imageOf(x).shape;
    const pixels = tf.conv2d(imageOf(x), filter, 1, "valid");
    const blocks = tf.reshape(pixels, [batch * rows, columns, height, width * filters]);
    const output = tf.reshape(tf.transpose(blocks, [0, 2, 1, 3]), [batch, rows * height, columns * width, filters]);
    return channelsLast(bias ? tf.add(output, bias) : output);
  };
}

/** @type {Operator} */
export function averagePool(context) {
  const { pads } = windowOf(context.node);
  if (number(context.node, "count_include_pad", 0) && pads.some(Boolean)) throw unsupportedAttributes(context.node);
  return pool(context, tf.avgPool);
}

/**
 * @param {NodeContext} context
 * @param {typeof tf.maxPool<tf.Tensor4D>} compute
 * @returns {Kernel}
 */
export function pool({ node }, compute) {
  const { kernel, strides, pads, autoPad } = windowOf(node);
  if (number(node, "ceil_mode", 0) || !ones(node.attributes.dilations)) throw unsupportedAttributes(node);
  const pad = autoPad ? "same" : explicitPadding(pads);
  return ([x]) => channelsLast(compute(imageOf(x), /** @type {[number, number]} */ (kernel), strides, pad));
}

/**
 * @param {GraphNode} node
 * @returns {Pick<ConvolutionOptions, "strides" | "dilations" | "pad">}
 */
function convolutionWindow(node) {
  const { strides, pads, autoPad } = windowOf(node);
  const dilations = /** @type {[number, number]} */ (node.attributes.dilations ?? [1, 1]);
  return { strides, dilations, pad: autoPad ? "same" : explicitPadding(pads) };
}

/**
 * @param {GraphNode} node
 * @param {number[]} [kernel] shape of the window if the node does not contain it
 */
function windowOf({ name, attributes }, kernel = /** @type {number[]} */ (attributes.kernel_shape)) {
  const { auto_pad: autoPad = "NOTSET" } = attributes;
  if (!["NOTSET", "VALID", "SAME_UPPER"].includes(String(autoPad))) throw new Error(`${name}: auto_pad ${autoPad} is not supported`);
  return {
    kernel,
    strides: /** @type {[number, number]} */ (attributes.strides ?? [1, 1]),
    pads: /** @type {number[]} */ (attributes.pads ?? [0, 0, 0, 0]),
    autoPad: autoPad === "SAME_UPPER",
  };
}

/** @param {number[]} pads top, left, bottom, right @returns {ExplicitPadding} */
const explicitPadding = ([top, left, bottom, right]) => [[0, 0], [top, bottom], [left, right], [0, 0]];

/** @param {GraphNode} node */
const activation = ({ attributes }) => /** @type {ConvolutionOptions["activation"]} */ (attributes.activation ?? "linear");
