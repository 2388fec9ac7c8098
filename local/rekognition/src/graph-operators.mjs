/** @import { Kernel, NodeContext, Operator, Value } from "./graph.js" */
import * as tf from "@tensorflow/tfjs-core";
import { averagePool, convolution, pool, transposedConvolution } from "./graph-convolutions.mjs";
import {
  axisIn,
  biasOf,
  channelsLast,
  imageOf,
  integers,
  logical,
  logicalValue,
  number,
  ones,
  replace,
  required,
  tensorOf,
  unary,
  unsupportedAttributes,
} from "./graph-values.mjs";

/** Operators of ONNX that the models use. @type {Record<string, Operator>} */
export const OPERATORS = {
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  MatMul: matrixProduct,
  Gemm: fullyConnected,
  MaxPool: (context) => pool(context, tf.maxPool),
  AveragePool: averagePool,
  GlobalAveragePool: () => ([x]) => channelsLast(spatialMean(imageOf(x))),
  ReduceMean: mean,
  Add: (context) => binary(context, tf.add),
  Sub: (context) => binary(context, tf.sub),
  Mul: (context) => binary(context, tf.mul),
  Div: (context) => binary(context, tf.div),
  Relu: () => unary(tf.relu),
  Sigmoid: () => unary(tf.sigmoid),
  Gelu: (context) => gelu(context),
  Clip: clip,
  HardSigmoid: ({ node }) => unary((x) => hardSigmoid(x, number(node, "alpha", 0.2), number(node, "beta", 0.5))),
  HardSwish: () => unary((x) => tf.mul(x, hardSigmoid(x, 1 / 6, 0.5))),
  Softmax: ({ node }) => logical((x) => tf.softmax(x, number(node, "axis", -1))),
  LayerNormalization: layerNormalization,
  Resize: resize,
  Concat: concat,
  Slice: slice,
  Reshape: reshape,
  Flatten: ({ node }) => logical((x) => tf.reshape(x, [product(x.shape.slice(0, number(node, "axis", 1))), -1])),
  Transpose: ({ node }) => logical((x) => tf.transpose(x, /** @type {number[]} */ (node.attributes.perm))),
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Identity: () => unary((x) => tf.clone(x)),
};

/** @type {Operator} */
function matrixProduct(context) {
  const constant = context.constant(1);
  if (constant?.shape.length !== 2) return (values) => logicalValue(tf.matMul(tensorOf(values[0]), tensorOf(values[1])));
  const weight = context.weight(1);
  return logical((x) => {
    const rows = tf.reshape(x, [-1, constant.shape[0]]);
    return tf.reshape(tf.matMul(rows, weight), [...x.shape.slice(0, -1), constant.shape[1]]);
  });
}

/** @type {Operator} */
function fullyConnected(context) {
  const { node } = context;
  const unsupported = number(node, "alpha", 1) !== 1 || number(node, "beta", 1) !== 1 || number(node, "transA", 0) !== 0;
  if (unsupported) throw unsupportedAttributes(node);
  required(context, 1);
  const weight = context.weight(1, (one) => (number(node, "transB", 0) ? tf.transpose(one) : one));
  const bias = biasOf(context);
  return logical((x) => {
    const output = tf.matMul(/** @type {tf.Tensor2D} */ (x), weight);
    return bias ? tf.add(output, bias) : output;
  });
}

/** @type {Operator} */
function mean(context) {
  const axes = integers(context, "axes", 1);
  const keep = number(context.node, "keepdims", 1) === 1;
  return ([x]) => {
    const { tensor, channelsLast: last } = /** @type {Value} */ (x);
    if (keep && last && isSpatial(axes)) return channelsLast(spatialMean(imageOf(x)));
    const reduced = (axes ?? tensor.shape.map((_, axis) => axis)).map((axis) => axisIn(/** @type {Value} */ (x), axis));
    if (keep || !last) return { tensor: tf.mean(tensor, reduced, keep), channelsLast: last };
    return logicalValue(tf.squeeze(tensorOf({ tensor: tf.mean(tensor, reduced, true), channelsLast: last }), axes));
  };
}

/** @param {number[] | undefined} axes */
const isSpatial = (axes) => axes?.length === 2 && axes[0] === 2 && axes[1] === 3;

/**
 * The mean of all pixels. The backend pools much faster than it computes means, and without a copy of the image.
 * @param {tf.Tensor4D} image
 */
const spatialMean = (image) => tf.avgPool(image, [image.shape[1], image.shape[2]], 1, "valid");

/**
 * @param {NodeContext} context
 * @param {(a: tf.Tensor, b: tf.Tensor) => tf.Tensor} compute
 * @returns {Kernel}
 */
function binary(context, compute) {
  const constants = [0, 1].map((position) => context.constant(position) && logicalValue(context.weight(position)));
  return (values) => {
    const operands = constants.map((constant, position) => constant ?? /** @type {Value} */ (values[position]));
    const [a, b] = operands.some((operand) => operand.channelsLast) ? operands.map(imageOf) : operands.map(tensorOf);
    return { tensor: compute(a, b), channelsLast: operands.some((operand) => operand.channelsLast) };
  };
}

/** @type {Operator} */
const gelu = ({ node }) =>
  unary((x) => tf.mul(x, node.attributes.approximate === "tanh" ? approximateNormal(x) : exactNormal(x)));

/**
 * The distribution function of the normal distribution.
 * @param {tf.Tensor} x
 */
const exactNormal = (x) => tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);

/**
 * 0.5 * (1 + tanh(u)) with u = sqrt(2 / pi) * (x + 0.044715 * x ** 3). It equals sigmoid(2 * u), which the backend
 * computes 10 times as fast. Each step releases its input, because the tensors of text detection have up to 20 MB.
 * @param {tf.Tensor} x
 */
function approximateNormal(x) {
  const factor = 2 * Math.sqrt(2 / Math.PI);
  const steps = [
    (/** @type {tf.Tensor} */ u) => tf.mul(u, factor * 0.044715),
    (/** @type {tf.Tensor} */ u) => tf.add(u, factor),
    (/** @type {tf.Tensor} */ u) => tf.mul(u, x),
    (/** @type {tf.Tensor} */ u) => tf.sigmoid(u),
  ];
  return steps.reduce((u, step) => replace(u, () => step(u)), tf.mul(x, x));
}

/** @type {Operator} */
function clip(context) {
  const limit = (/** @type {string} */ name, /** @type {number} */ position, /** @type {number} */ preset) =>
    number(context.node, name, context.constant(position)?.data[0] ?? preset);
  const [min, max] = [limit("min", 1, -Infinity), limit("max", 2, Infinity)];
  return unary((x) => tf.clipByValue(x, min, max));
}

/**
 * @param {tf.Tensor} x
 * @param {number} alpha
 * @param {number} beta
 */
const hardSigmoid = (x, alpha, beta) => tf.clipByValue(tf.add(tf.mul(x, alpha), beta), 0, 1);

/** @type {Operator} */
function layerNormalization(context) {
  const { node } = context;
  if (number(node, "axis", -1) !== -1) throw unsupportedAttributes(node);
  const epsilon = number(node, "epsilon", 1e-5);
  const scale = context.weight(1);
  const bias = context.constant(2) && context.weight(2);
  return logical((x) => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
    const scaled = tf.mul(tf.div(centred, deviation), scale);
    return bias ? tf.add(scaled, bias) : scaled;
  });
}

const ALIGN_CORNERS = "align_corners";
const HALF_PIXEL = "half_pixel";
const ASYMMETRIC = "asymmetric";

/** Nearest neighbour or linear, with constant scales or sizes. @type {Operator} */
function resize(context) {
  const { node } = context;
  const { mode = "nearest", coordinate_transformation_mode: coordinates = HALF_PIXEL } = node.attributes;
  const nearest = mode === "nearest" && coordinates === ASYMMETRIC && node.attributes.nearest_mode === "floor";
  const linear = mode === "linear" && [ALIGN_CORNERS, HALF_PIXEL, ASYMMETRIC].includes(String(coordinates));
  const sizes = context.constant(3)?.data ?? [];
  const scales = context.constant(2)?.data ?? [];
  if (!(nearest || linear) || sizes.length + scales.length === 0) throw unsupportedAttributes(node);
  return ([x]) => {
    const image = imageOf(x);
    const sizeOf = (/** @type {number} */ axis) => sizes[axis + 1] ?? Math.floor(image.shape[axis] * scales[axis + 1]);
    const size = /** @type {[number, number]} */ ([sizeOf(1), sizeOf(2)]);
    if (nearest) return channelsLast(tf.image.resizeNearestNeighbor(image, size));
    return channelsLast(tf.image.resizeBilinear(image, size, coordinates === ALIGN_CORNERS, coordinates === HALF_PIXEL));
  };
}

/** @type {Operator} */
function concat(context) {
  const axis = number(context.node, "axis", 0);
  const constants = context.node.inputs.map(
    (_, position) => context.constant(position) && logicalValue(context.weight(position)),
  );
  return (values) => {
    const parts = constants.map((constant, position) => constant ?? /** @type {Value} */ (values[position]));
    if (!parts.some((part) => part.channelsLast)) return logicalValue(tf.concat(parts.map(tensorOf), axis));
    const images = parts.map(imageOf);
    return channelsLast(tf.concat(images, axisIn(channelsLast(images[0]), axis)));
  };
}

/** @type {Operator} */
function slice(context) {
  const starts = /** @type {number[]} */ (integers(context, "starts", 1));
  const ends = /** @type {number[]} */ (integers(context, "ends", 2));
  const axes = integers(context, "axes", 3) ?? starts.map((_, at) => at);
  if (!ones(integers(context, "steps", 4))) throw unsupportedAttributes(context.node);
  return logical((x) => {
    const begin = x.shape.map(() => 0);
    const end = [...x.shape];
    axes.forEach((axis, at) => {
      const length = x.shape.at(axis) ?? 0;
      const inside = (/** @type {number} */ index) => Math.min(length, Math.max(0, index < 0 ? index + length : index));
      begin[axis < 0 ? axis + x.rank : axis] = inside(starts[at]);
      end[axis < 0 ? axis + x.rank : axis] = inside(ends[at]);
    });
    return tf.slice(x, begin, end.map((stop, axis) => stop - begin[axis]));
  });
}

/** @type {Operator} */
function reshape(context) {
  const shape = [...required(context, 1).data];
  return logical((x) => tf.reshape(x, shape.map((length, axis) => (length === 0 ? x.shape[axis] : length))));
}

/** @type {Operator} */
function squeeze(context) {
  const axes = integers(context, "axes", 1);
  return logical((x) => tf.squeeze(x, axes?.map((axis) => (axis < 0 ? axis + x.rank : axis))));
}

/** @type {Operator} */
function unsqueeze(context) {
  const axes = /** @type {number[]} */ (integers(context, "axes", 1));
  return logical((x) => {
    const rank = x.rank + axes.length;
    const shape = [...x.shape];
    for (const axis of axes.map((one) => (one < 0 ? one + rank : one)).sort((a, b) => a - b)) shape.splice(axis, 0, 1);
    return tf.reshape(x, shape);
  });
}

/** @param {number[]} lengths */
const product = (lengths) => lengths.reduce((a, b) => a * b, 1);
