/** The part of libheif that the page uses. */
declare module "libheif-js/libheif/libheif.js" {
  interface HeifImage {
    get_width(): number;
    get_height(): number;
    /** Fills the data with RGBA pixels. Calls back with null on failure. */
    display(
      target: { data: Uint8ClampedArray; width: number; height: number },
      callback: (shown: object | null) => void,
    ): void;
  }
  export default function createLibheif(): { HeifDecoder: new () => { decode(bytes: Uint8Array): HeifImage[] } };
}
