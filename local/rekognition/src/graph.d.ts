import type { Tensor } from "@tensorflow/tfjs-core";

/** A node of a graph. `op` and `attributes` have the names and the meaning of ONNX. */
export interface GraphNode {
  op: string;
  name: string;
  inputs: string[];
  outputs: string[];
  attributes: Record<string, number | string | number[]>;
}

/**
 * A constant in weights.bin, in the layout of ONNX. `offset` and `length` are bytes. The value of an int8 or uint8 is
 * `(stored - zero) * scale`. A list of scales has one scale per index of `axis` (default: 0).
 */
export interface StoredTensor {
  shape: number[];
  type: "int8" | "uint8" | "float32";
  offset: number;
  length: number;
  scale?: number | number[];
  zero?: number;
  axis?: number;
}

/** The content of graph.json. Batch normalizations are part of the convolutions. */
export interface GraphDescription {
  inputs: string[];
  outputs: string[];
  nodes: GraphNode[];
  tensors: Record<string, StoredTensor>;
}

/** A constant with its dequantized values. */
export interface Constant {
  shape: number[];
  data: Float32Array;
}

/** A tensor of a run. With `channelsLast`, it has the order NHWC instead of the order NCHW of ONNX. */
export type Value = { tensor: Tensor; channelsLast: boolean };

/** Computes the output of a node from its inputs. Inputs that are constants are undefined. */
export type Kernel = (values: (Value | undefined)[]) => Value;

/** What an operator needs to prepare its kernel. */
export interface NodeContext {
  node: GraphNode;
  /** The constant that is the input at this position, or undefined if the input is missing or computed. */
  constant(position: number): Constant | undefined;
  /** Compute a tensor for use in every run. The graph disposes it. */
  own<T extends Tensor>(compute: () => T): T;
  /** The tensor of a constant input for use in every run, transformed once. */
  weight(position: number, transform?: (tensor: Tensor) => Tensor): Tensor;
}

/** Prepares the kernel of a node. */
export type Operator = (context: NodeContext) => Kernel;
