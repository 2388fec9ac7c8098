/** A detected object: index of its COCO class, score of the model (0 to 1), and corners in pixels of the square. */
export interface RawDetection {
  index: number;
  score: number;
  corners: [x1: number, y1: number, x2: number, y2: number];
}

/** Fractions of the width and height of the upright image. */
export interface BoundingBox {
  Width: number;
  Height: number;
  Left: number;
  Top: number;
}

/** A detected object in the upright image. `score` is the model's score (0 to 1). */
export interface Detection {
  index: number;
  score: number;
  box: BoundingBox;
}

/** The position of an image in a square, in pixels of the square. */
export interface Placement {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Named {
  Name: string;
}

/** A label in Rekognition's format. Confidences are 0 to 100. */
export interface Label {
  Name: string;
  Confidence: number;
  Instances: { BoundingBox: BoundingBox; Confidence: number }[];
  Parents: Named[];
  Aliases: Named[];
  Categories: Named[];
}

export interface LabelInfo {
  parents?: string[];
  aliases?: string[];
  category: string;
}

/** `classes` is in the order of the model. `labels` describes each class and every parent. */
export interface Taxonomy {
  classes: string[];
  labels: Record<string, LabelInfo>;
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

/** Responses take at least `ms`. With `labels`, the response contains these labels and detection is skipped. */
export interface Latency {
  ms: number;
  labels?: Label[];
}

/** Detect objects in the bytes of a JPEG or PNG. */
export interface ObjectDetector {
  detect(image: Uint8Array): Promise<Detection[]>;
}

/** Read an S3 object. Reject with a ServiceError if it does not exist or is too large. */
export type ReadObject = (object: S3ObjectReference) => Promise<Uint8Array>;
