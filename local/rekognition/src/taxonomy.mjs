/** @import { Taxonomy } from "./types.js" */
import { readFileSync } from "node:fs";

/** @type {Taxonomy} */
export const taxonomy = JSON.parse(readFileSync(new URL("taxonomy.json", import.meta.url), "utf8"));
