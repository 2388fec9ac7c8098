/** Draw an image onto a new canvas of the given size in pixels. */
export function drawScaled(source: CanvasImageSource, width: number, height: number, background?: string) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context && background) {
    context.fillStyle = background;
    context.fillRect(0, 0, width, height);
  }
  context?.drawImage(source, 0, 0, width, height);
  return canvas;
}

export function toBlob(canvas: HTMLCanvasElement, type: string, quality: number): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("The browser has no memory for the image."))),
      type,
      quality,
    );
  });
}
