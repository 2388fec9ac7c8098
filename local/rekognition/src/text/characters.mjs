/** @import { Corners, Point, ReadCharacter, TextLine, TextWord } from "./text.js" */

/** Minimum mean probability of the characters of a line. Shapes that look like text score lower. */
const MIN_SCORE = 0.8;
/** Shapes are often read as one character. */
const MIN_LETTERS = 2;
/** The part of the distance between the characters on both sides of a space that belongs to each of them. */
const HALF_CHARACTER = 1 / 3;

/**
 * Decode the output of the recognition model (CTC): at each step, take the most probable class, and count repetitions
 * of a class without a gap as one character. Class 0 is the gap.
 * @param {Float32Array} probabilities steps x classes
 * @param {string[]} classes
 * @returns {ReadCharacter[]}
 */
export function decode(probabilities, classes) {
  const steps = probabilities.length / classes.length;
  const best = Array.from({ length: steps }, (_, step) => mostProbable(probabilities, step * classes.length, classes.length));
  const runs = best.map(({ index }, step) => ({ index, starts: step === 0 || best[step - 1].index !== index }));
  return best.flatMap(({ index, score }, step) => {
    if (index === 0 || !runs[step].starts) return [];
    const end = best.findIndex((other, at) => at > step && other.index !== index);
    const length = (end === -1 ? steps : end) - step;
    const highest = Math.max(score, ...best.slice(step, step + length).map((other) => other.score));
    return [{ character: classes[index], score: highest, position: (step + length / 2) / steps }];
  });
}

/**
 * @param {Float32Array} values
 * @param {number} start
 * @param {number} length
 */
function mostProbable(values, start, length) {
  let index = 0;
  for (let at = 1; at < length; at += 1) if (values[start + at] > values[start + index]) index = at;
  return { index, score: values[start + index] };
}

/**
 * Make a line of characters, with the words between spaces. Return undefined if it is probably no text.
 * @param {ReadCharacter[]} characters
 * @param {Corners} corners of the line
 * @returns {TextLine | undefined}
 */
export function lineOf(characters, corners) {
  const words = splitWords(characters);
  const read = words.flat();
  const text = words.map(textOf).join(" ");
  if ((text.match(/[\p{L}\p{N}]/gu) ?? []).length < MIN_LETTERS || scoreOf(read) < MIN_SCORE) return undefined;
  const edges = wordEdges(words);
  return {
    text,
    score: scoreOf(read),
    corners,
    words: words.map((word, at) => ({ text: textOf(word), score: scoreOf(word), corners: partOf(corners, edges[at]) })),
  };
}

/** @param {ReadCharacter[]} characters */
function splitWords(characters) {
  const words = /** @type {ReadCharacter[][]} */ ([[]]);
  for (const one of characters) {
    if (one.character === " ") words.push([]);
    else words[words.length - 1].push(one);
  }
  return words.filter((word) => word.length > 0);
}

/**
 * Return where each word begins and ends in its line (0 to 1).
 * @param {ReadCharacter[][]} words
 * @returns {[number, number][]}
 */
function wordEdges(words) {
  const positions = words.map((word) => ({ first: word[0].position, last: word[word.length - 1].position }));
  return positions.map(({ first, last }, at) => {
    const [before, after] = [positions[at - 1], positions[at + 1]];
    return [
      before ? first - (first - before.last) * HALF_CHARACTER : 0,
      after ? last + (after.first - last) * HALF_CHARACTER : 1,
    ];
  });
}

/**
 * Return the corners of a part of a line.
 * @param {Corners} line
 * @param {[number, number]} part beginning and end, 0 to 1
 * @returns {Corners}
 */
const partOf = ([topLeft, topRight, bottomRight, bottomLeft], [from, to]) => [
  between(topLeft, topRight, from),
  between(topLeft, topRight, to),
  between(bottomLeft, bottomRight, to),
  between(bottomLeft, bottomRight, from),
];

/**
 * @param {Point} a
 * @param {Point} b
 * @param {number} part
 * @returns {Point}
 */
const between = (a, b, part) => [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part];

/** @param {ReadCharacter[]} characters */
const textOf = (characters) => characters.map(({ character }) => character).join("");

/** @param {ReadCharacter[]} characters */
export const scoreOf = (characters) =>
  characters.length === 0 ? 0 : characters.reduce((sum, { score }) => sum + score, 0) / characters.length;
