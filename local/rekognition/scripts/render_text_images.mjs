/**
 * Render the sample image of a sign and the images of the text tests. They are part of the repository, because the result
 * depends on the fonts of the machine. To run it, install the Liberation fonts (Debian: fonts-liberation):
 *
 *     node scripts/render_text_images.mjs
 */
import { readFile } from "node:fs/promises";
import sharp from "sharp";

const file = (/** @type {string} */ path) => new URL(path, import.meta.url);
const SAMPLES = "../../../samples/";
const TESTS = "../test/images/";
const SANS = "Liberation Sans, Arial, Helvetica, sans-serif";
const SERIF = "Liberation Serif, Times New Roman, serif";

/**
 * @param {number} width
 * @param {number} height
 * @param {string} content
 */
const drawing = (width, height, content) =>
  Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${content}</svg>`);

/** @typedef {{ x: number, y: number, size: number, font?: string, fill?: string, turn?: number }} Style */

/**
 * @param {string} content
 * @param {Style} style
 */
const text = (content, { x, y, size, font = SANS, fill = "#222", turn = 0 }) =>
  `<text x="${x}" y="${y}" font-family="${font}" font-size="${size}" fill="${fill}" transform="rotate(${turn} ${x} ${y})">${content}</text>`;

/** @param {string} fill */
const background = (fill) => `<rect width="100%" height="100%" fill="${fill}"/>`;

/** @type {Record<string, Buffer>} */
const DRAWINGS = {
  "two-lines": drawing(480, 240, background("#f4f1e8") + text("Main Street", { x: 60, y: 100, size: 48 }) + text("Exit 42", { x: 60, y: 180, size: 48 })),
  rotated: drawing(520, 260, background("#dfe8ee") + text("Departure 10:45", { x: 60, y: 110, size: 44, turn: 10 })),
  steep: drawing(320, 520, background("#dfe8ee") + text("Platform Nine", { x: 120, y: 60, size: 44, turn: 75 })),
  vertical: drawing(200, 480, background("#fff") + text("Library Hours", { x: 130, y: 420, size: 52, turn: -90 })),
  small: drawing(360, 160, background("#fff") + text("Please keep this door closed at night", { x: 40, y: 84, size: 14 })),
  letters: drawing(560, 200, background("#fffbe6") + text("Größe für Señor Müller", { x: 40, y: 116, size: 44, font: SERIF })),
  columns: drawing(720, 200, background("#fff") + text("Coffee", { x: 40, y: 116, size: 44 }) + text("€ 3.50", { x: 540, y: 116, size: 44 })),
  "many-words": drawing(860, 680, background("#fff") + Array.from({ length: 15 }, (_, row) => text("north east south west north east south west", { x: 30, y: 44 + row * 44, size: 32 })).join("")),
  none: drawing(480, 320, `${background("#9ccc65")}<circle cx="130" cy="150" r="80" fill="#ef5350"/><rect x="270" y="60" width="150" height="190" fill="#42a5f5"/><path d="M0 300 L480 260" stroke="#333" stroke-width="6"/>`),
};

for (const [name, svg] of Object.entries(DRAWINGS)) await sharp(svg).png({ palette: true, colours: 16 }).toFile(file(`${TESTS}${name}.png`).pathname);

const caption = drawing(600, 400, text("Fresh Coffee Daily", { x: 70, y: 340, size: 54, font: SERIF, fill: "#fff" }));
await sharp(file(`${SAMPLES}coffee.jpg`).pathname).composite([{ input: caption }]).jpeg({ quality: 80 }).toFile(file(`${TESTS}on-photo.jpg`).pathname);

await sharp(await readFile(file("sign.svg"))).png({ palette: true, quality: 90 }).toFile(file(`${SAMPLES}sign.png`).pathname);
