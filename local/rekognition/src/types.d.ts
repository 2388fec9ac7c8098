import type { TextLine } from "./text/text.js";

export type { TextLine };

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
  Instances: { BoundingBox: BoundingBox; Confidence: number; DominantColors?: DominantColor[] }[];
  Parents: Named[];
  Aliases: Named[];
  Categories: Named[];
}

export interface LabelInfo {
  parents?: string[];
  aliases?: string[];
  category: string;
}

/**
 * The labels of the detector's classes (`objects`, COCO) and of the classifier's (`classes`, ImageNet), in the order
 * of the models. `labels` describes each of them and every parent.
 */
export interface Taxonomy {
  objects: string[];
  classes: string[];
  labels: Record<string, LabelInfo>;
}

export interface S3ObjectReference {
  Bucket: string;
  Name: string;
  Version?: string;
}

export interface ImageReference {
  Bytes?: string;
  S3Object?: S3ObjectReference;
}

/** The member that all operations have in common. */
export interface RekognitionRequest {
  Image: ImageReference;
}

export interface LabelsRequest extends RekognitionRequest {
  MaxLabels?: number;
  MinConfidence?: number;
  Features?: string[];
  Settings?: { GeneralLabels?: GeneralLabelsSettings; ImageProperties?: { MaxDominantColors?: number } };
}

export interface GeneralLabelsSettings {
  LabelInclusionFilters?: string[];
  LabelExclusionFilters?: string[];
  LabelCategoryInclusionFilters?: string[];
  LabelCategoryExclusionFilters?: string[];
}

/** A colour of CSS that is the nearest one of some pixels. */
export interface DominantColor {
  Red: number;
  Green: number;
  Blue: number;
  HexCode: string;
  CSSColor: string;
  SimplifiedColor: string;
  PixelPercent: number;
}

export interface ImageQuality {
  Brightness: number;
  Sharpness: number;
  Contrast: number;
}

export interface RegionProperties {
  Quality: ImageQuality;
  DominantColors: DominantColor[];
}

export interface ImageProperties extends Partial<RegionProperties> {
  Foreground?: RegionProperties;
  Background?: RegionProperties;
}

export interface ModerationRequest extends RekognitionRequest {
  MinConfidence?: number;
  HumanLoopConfig?: object;
  ProjectVersion?: string;
}

/** A moderation label in Rekognition's format. Labels at the top level have the parent "". */
export interface ModerationLabel {
  Name: string;
  ParentName: string;
  Confidence: number;
  TaxonomyLevel: number;
}

/** Fractions of the width and height of the upright image. */
export interface PolygonPoint {
  X: number;
  Y: number;
}

export interface RegionOfInterest {
  BoundingBox?: BoundingBox;
  Polygon?: PolygonPoint[];
}

export interface TextRequest extends RekognitionRequest {
  Filters?: {
    WordFilter?: { MinConfidence?: number; MinBoundingBoxHeight?: number; MinBoundingBoxWidth?: number };
    RegionsOfInterest?: RegionOfInterest[];
  };
}

/** A line or a word in Rekognition's format. Only words have a parent. */
export interface TextDetection {
  DetectedText: string;
  Type: "LINE" | "WORD";
  Id: number;
  ParentId?: number;
  Confidence: number;
  Geometry: { BoundingBox: BoundingBox; Polygon: PolygonPoint[] };
}

/** The bytes of a JPEG or PNG and their SHA-256. */
export interface ImageContent {
  bytes: Uint8Array;
  hash: string;
}

/** An image in RGB, one byte per channel. */
export interface Pixels {
  width: number;
  height: number;
  pixels: Uint8Array;
}

/** An upright image of at most 1,600 px per side, and its size before it was reduced. */
export interface DecodedImage extends Pixels {
  originalWidth: number;
  originalHeight: number;
}

/** Probabilities (0 to 1) of the classes of a moderation model. */
export interface ContentProbabilities {
  drawing: number;
  hentai: number;
  neutral: number;
  porn: number;
  sexy: number;
}

/** The results of the models for an image, by task. */
export interface Analyses {
  /** Objects with their boxes, highest score first. */
  objects: Detection[];
  /** Probabilities of the classes of the taxonomy. */
  classes: Float32Array;
  /** The results of each moderation model. */
  content: ContentProbabilities[];
  text: TextLine[];
  /** The image with a longer side of 128 px. */
  thumbnail: Pixels;
}

/** Run a task on the image of a call. */
export type Analyze = <Task extends keyof Analyses>(task: Task) => Promise<Analyses[Task]>;

/** Run a task on an image. */
export interface Vision {
  analyze<Task extends keyof Analyses>(task: Task, image: ImageContent): Promise<Analyses[Task]>;
}

export type OperationName = "DetectLabels" | "DetectModerationLabels" | "DetectText";

export interface Operation {
  /** Throw a ServiceError for an invalid request. */
  validate(request: RekognitionRequest): void;
  respond(request: RekognitionRequest, analyze: Analyze, fixed: FixedResults): Promise<object>;
}

/** Results that replace those of the models, in Rekognition's format. */
export interface FixedResults {
  labels?: Label[];
  moderation_labels?: ModerationLabel[];
  text_detections?: object[];
}

export interface CallCounts {
  total: number;
  succeeded: number;
  by_image: Record<string, number>;
  failed: Record<string, number>;
}

export interface Fault {
  kind: "throttle" | "slow" | "error";
  next?: number;
  all?: boolean;
  code?: string;
  message?: string;
  status?: number;
  delay_ms?: number;
  operation?: OperationName;
}

/** Without `operation`, the limit applies to each operation. */
export interface RateLimit {
  operation?: OperationName;
  per_second?: number | null;
}

/** Responses take at least `ms`. Fixed results skip the models. Without `operation`, it applies to all operations. */
export interface Latency extends FixedResults {
  operation?: OperationName;
  ms: number;
}

/** Read an S3 object. Reject with a ServiceError if it does not exist or is too large. */
export type ReadObject = (object: S3ObjectReference) => Promise<Uint8Array>;
