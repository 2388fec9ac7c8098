import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

const SRC = fileURLToPath(new URL("../../src", import.meta.url));
const EXTENSIONS = ["", ".ts", ".tsx"];

const sources = (readdirSync(SRC, { recursive: true }) as string[]).filter((name) => /\.tsx?$/.test(name));

/** The relative imports of every file in `src`, including imports of types. */
const imports: Graph = new Map(sources.map((name) => [name, importsOf(name)]));

function importsOf(name: string): Set<string> {
  const specifiers = [...readFileSync(join(SRC, name), "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)];
  return new Set(specifiers.map(([, specifier]) => resolve(name, specifier ?? "")).filter((found) => found !== null));
}

/** Return the imported source file, or null for a stylesheet. */
function resolve(importer: string, specifier: string): string | null {
  const path = relative(SRC, join(SRC, dirname(importer), specifier.replace(/\?.*/, "")));
  const found = EXTENSIONS.map((extension) => path + extension).find((name) => sources.includes(name));
  if (!found && !path.endsWith(".css")) throw new Error(`${importer} imports ${specifier}, which does not exist.`);
  return found ?? null;
}

/** The same graph with folders as nodes. Files directly in `src` are nodes themselves. */
function folderGraph(files: Graph): Graph {
  const folderOf = (name: string) => name.split("/")[0] ?? name;
  const folders = new Map<string, Set<string>>();
  for (const [name, imported] of files) {
    const folder = folders.get(folderOf(name)) ?? new Set();
    folders.set(folderOf(name), folder);
    for (const other of imported) if (folderOf(other) !== folderOf(name)) folder.add(folderOf(other));
  }
  return folders;
}

/** Find a cycle by depth-first search. Return its nodes in import order, or null. */
function findCycle(graph: Graph): string[] | null {
  const visited = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] | null => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (visited.has(node)) return null;
    visited.add(node);
    return firstCycle([...(graph.get(node) ?? [])], (next) => visit(next, [...path, node]));
  };
  return firstCycle([...graph.keys()], (node) => visit(node, []));
}

function firstCycle(nodes: readonly string[], visit: (node: string) => string[] | null): string[] | null {
  for (const node of nodes) {
    const cycle = visit(node);
    if (cycle) return cycle;
  }
  return null;
}

it("reads the imports of the source files", () => {
  expect(imports.get("main.tsx")).toContain("scan/controller.ts");
  expect(imports.get("core/errors.ts")).toEqual(new Set());
});

it("files do not import each other in a cycle", () => {
  expect(findCycle(imports)).toBeNull();
});

it("folders do not import each other in a cycle", () => {
  expect(findCycle(folderGraph(imports))).toBeNull();
});

describe("the search for cycles", () => {
  const graph = (edges: Record<string, string[]>): Graph =>
    new Map(Object.entries(edges).map(([node, imported]) => [node, new Set(imported)]));

  it("accepts a file that is imported twice", () => {
    expect(findCycle(graph({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] }))).toBeNull();
  });

  it("finds a cycle that does not contain the first file", () => {
    expect(findCycle(graph({ a: ["b"], b: ["c"], c: ["d"], d: ["b"] }))).toEqual(["b", "c", "d", "b"]);
  });

  it("finds a cycle between folders whose files have none", () => {
    const files = graph({ "api/a": ["scan/b"], "scan/b": [], "scan/c": ["api/d"], "api/d": [] });
    expect(findCycle(files)).toBeNull();
    expect(findCycle(folderGraph(files))).toEqual(["api", "scan", "api"]);
  });
});
