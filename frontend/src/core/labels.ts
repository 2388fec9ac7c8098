/** The maximum length of a label in characters (code points), as typed and in the form that is compared. */
const MAX_LABEL_LENGTH = 100;

/** Control characters that separate words. */
const LINE_BREAKS_AND_TABS = /[\t\n\v\f\r]/g;
/** Control and format characters, such as U+200B and U+FEFF. They are invisible, so users cannot see a difference. */
const INVISIBLE = /[\p{Cc}\p{Cf}]/gu;

/**
 * Return the form in which labels are compared, or null if the label is invalid: NFKC, without invisible characters,
 * with single spaces, case-folded. The API uses the same form.
 */
export function normalizeLabel(label: string): string | null {
  const visible = label.normalize("NFKC").replace(LINE_BREAKS_AND_TABS, " ").replace(INVISIBLE, "").normalize("NFKC");
  const normalized = foldCase(visible.trim().replace(/\s+/g, " "));
  return normalized !== "" && isShort(label) && isShort(normalized) ? normalized : null;
}

/** Check whether two labels are the same. An invalid label is the same as itself only. */
export function isSameLabel(one: string, other: string): boolean {
  return comparisonKey(one) === comparisonKey(other);
}

/** Return a key that is equal for labels that are the same. */
export function comparisonKey(label: string): string {
  return normalizeLabel(label) ?? label;
}

function isShort(label: string): boolean {
  return [...label].length <= MAX_LABEL_LENGTH;
}

/** Fold the case as Unicode does. JavaScript has no function for it. */
function foldCase(text: string): string {
  return Array.from(text, foldCharacter).join("");
}

/** A single character has no context, so a sigma is never treated as final. */
function foldCharacter(character: string): string {
  // Cherokee folds to capitals. The capital of a dotless i is an ordinary I, which folds to another letter.
  if (/\p{Script=Cherokee}/u.test(character)) return character.toUpperCase();
  return character === "ı" ? character : character.toLowerCase().toUpperCase().toLowerCase();
}
