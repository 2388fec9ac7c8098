/** A found object: a COCO class, the model's score from 0 to 1, and its corners in pixels of the model's square. */
export interface RawDetection {
  index: number;
  score: number;
  corners: [x1: number, y1: number, x2: number, y2: number];
}

/** Fractions of the upright picture's width and height. */
export interface BoundingBox {
  Width: number;
  Height: number;
  Left: number;
  Top: number;
}

/** A found object in the upright picture; `score` is the model's, from 0 to 1. */
export interface Detection {
  index: number;
  score: number;
  box: BoundingBox;
}

/** Where a picture lies inside a square, in the square's pixels. */
export interface Placement {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Named {
  Name: string;
}

/** A label as Rekognition sends it; confidences from 0 to 100. */
export interface Label {
  Name: string;
  Confidence: number;
  Instances: { BoundingBox: BoundingBox; Confidence: number }[];
  Parents: Named[];
  Aliases: Named[];
  Categories: Named[];
}

export interface Kinship {
  parents?: string[];
  aliases?: string[];
  category: string;
}

/** `classes` is in the model's order; `labels` describes each of them and every parent. */
export interface Taxonomy {
  classes: string[];
  labels: Record<string, Kinship>;
}

export interface S3ObjectReference {
  Bucket: string;
  Name: string;
  Version?: string;
}

export interface DetectLabelsRequest {
  Image: { Bytes?: string; S3Object?: S3ObjectReference };
  MaxLabels?: number;
  MinConfidence?: number;
  Features?: string[];
  Settings?: object;
}

export interface Fault {
  kind: "throttle" | "slow" | "error";
  next?: number;
  all?: boolean;
  code?: string;
  message?: string;
  status?: number;
  delay_ms?: number;
}

/** Answers take at least `ms`; with `labels`, these are the answer and no picture is looked at. */
export interface Latency {
  ms: number;
  labels?: Label[];
}

/** What finds objects in the bytes of a JPEG or PNG. */
export interface ObjectDetector {
  detect(image: Uint8Array): Promise<Detection[]>;
}

/** Reads an S3 object. Rejects with a ServiceError when there is none, or it is too large. */
export type ReadObject = (object: S3ObjectReference) => Promise<Uint8Array>;
