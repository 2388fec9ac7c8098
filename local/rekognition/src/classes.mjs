/** @import { Taxonomy } from "./types.js" */

/**
 * Sum the probabilities of the classes under each label: those of the label itself and of all labels below it.
 * @param {ArrayLike<number>} probabilities of the classes of the taxonomy
 * @param {Taxonomy} taxonomy
 * @returns {Map<string, number>} sum by label, 0 to 1
 */
export function probabilityByLabel(probabilities, taxonomy) {
  const sums = /** @type {Map<string, number>} */ (new Map());
  taxonomy.classes.forEach((name, index) => {
    for (const label of [name, ...(taxonomy.labels[name].parents ?? [])])
      sums.set(label, Math.min(1, (sums.get(label) ?? 0) + probabilities[index]));
  });
  return sums;
}
