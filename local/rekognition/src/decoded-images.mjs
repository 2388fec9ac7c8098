/** @import { DecodedImage, ImageContent } from "./types.js" */
import { decode } from "./image.mjs";

/** Each has up to 8 MB. */
const MAX_IMAGES = 8;

/** Decode images, and keep the last ones, so that several operations decode an image once. */
export class DecodedImages {
  #images = /** @type {Map<string, DecodedImage>} */ (new Map());

  /**
   * @param {ImageContent} image
   * @returns {Promise<DecodedImage>}
   */
  async decode({ bytes, hash }) {
    const image = this.#images.get(hash) ?? (await decode(bytes));
    this.#images.set(hash, image);
    if (this.#images.size > MAX_IMAGES) this.#images.delete(/** @type {string} */ (this.#images.keys().next().value));
    return image;
  }
}
