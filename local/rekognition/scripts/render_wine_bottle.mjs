/**
 * Render the sample image of a wine bottle. It is part of the repository, because the result depends on the fonts of the
 * machine. To run it, install the DejaVu fonts (Debian: fonts-dejavu-core):
 *
 *     node scripts/render_wine_bottle.mjs
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const file = (/** @type {string} */ path) => new URL(path, import.meta.url);

const drawing = await readFile(file("wine-bottle.svg"));
await sharp(drawing).png({ palette: true }).toFile(fileURLToPath(file("../../../samples/wine-bottle.png")));
