import type { DecodedImage } from "../types.js";

export type Point = [x: number, y: number];

/** Corners of a rectangle that may be rotated, from the upper left of its text clockwise. */
export type Corners = [Point, Point, Point, Point];

/** Probabilities of text, row by row. */
export interface ProbabilityMap {
  width: number;
  height: number;
  data: Float32Array;
}

/** A character with its probability and its position in the line (0 to 1). */
export interface ReadCharacter {
  character: string;
  score: number;
  position: number;
}

/** A word with the mean probability of its characters. Corners are fractions of the image. */
export interface TextWord {
  text: string;
  score: number;
  corners: Corners;
}

/** A line with the mean probability of its characters. Corners are fractions of the image. */
export interface TextLine extends TextWord {
  words: TextWord[];
}

export interface TextRecognizer {
  /** Read the lines of an image from top to bottom. */
  recognize(image: DecodedImage): Promise<TextLine[]>;
}
