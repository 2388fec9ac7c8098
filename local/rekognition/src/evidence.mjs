/** @import { BoundingBox, Detection, Taxonomy } from "./types.js" */

const ANIMAL = "Animal";
/** With at least this probability of its label, a box counts from this score. */
const SUPPORTING = { probability: 0.3, score: 0.2 };
/** An animal box is dropped if the classifier sees another animal: animals in total, and this label. */
const OTHER_ANIMAL = { animals: 0.6, label: 0.05 };
/** An animal box up to this score is dropped if the classifier sees almost no animal. */
const NO_ANIMAL = { animals: 0.1, score: 0.6 };

/**
 * Compare the boxes of the detector with the classes of the image. The detector often mistakes an animal, or finds one
 * where there is none, and the classifier does so rarely.
 * @param {Detection[]} objects
 * @param {Map<string, number>} classified probability by label
 * @param {Taxonomy} taxonomy
 * @returns {{ name: string, score: number, support: number, box: BoundingBox }[]} `support` is the probability of the
 *   label if it supports the box, otherwise 0
 */
export function withEvidence(objects, classified, taxonomy) {
  const animals = classified.get(ANIMAL) ?? 0;
  return objects.flatMap(({ index, score, box }) => {
    const name = taxonomy.objects[index];
    const probability = classified.get(name) ?? 0;
    const isAnimal = taxonomy.labels[name].parents?.includes(ANIMAL);
    if (isAnimal && isContradicted(score, probability, animals)) return [];
    const isSupported = score >= SUPPORTING.score && probability >= SUPPORTING.probability;
    return [{ name, score, support: isSupported ? probability : 0, box }];
  });
}

/**
 * @param {number} score of an animal box
 * @param {number} probability of its label
 * @param {number} animals probability of all animals
 */
const isContradicted = (score, probability, animals) =>
  (animals >= OTHER_ANIMAL.animals && probability < OTHER_ANIMAL.label) || (animals < NO_ANIMAL.animals && score < NO_ANIMAL.score);
