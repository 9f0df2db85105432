/**
 * The layer rule: which folder of `src` may import which, and what from
 * outside. Also finds value cycles and inner code that goes through a door.
 */
import { dirname, join, normalize } from "node:path";
import process from "node:process";
import {
  type Import,
  importsOf,
  report,
  type SourceFile,
  sourceFiles,
} from "./gates/source_files.ts";

/** What a folder may import: inside `src` by path prefix, outside by specifier prefix. */
interface Layer {
  readonly inside: readonly string[];
  readonly outside: readonly string[];
}

const PORTS = [
  "src/buffer/port",
  "src/transport/port",
  "src/engines/contract",
  "src/schedulers/contract",
];

const LAYERS: Readonly<Record<string, Layer>> = {
  "src/base": { inside: [], outside: [] },
  "src/protocol": { inside: ["src/base", ...PORTS], outside: [] },
  "src/redaction": { inside: ["src/base"], outside: [] },
  "src/settings": { inside: ["src/base", "src/redaction", "src/platform/port"], outside: [] },
  "src/transport": { inside: ["src/base", "src/protocol"], outside: [] },
  "src/buffer": { inside: ["src/base"], outside: [] },
  "src/engines": { inside: ["src/base"], outside: [] },
  // Reads jobs and workers the way the engine of the same library does.
  "src/schedulers/bullmq": {
    inside: ["src/base", "src/engines/contract", "src/engines/bullmq/", "src/schedulers"],
    outside: [],
  },
  "src/schedulers": { inside: ["src/base", "src/engines/contract"], outside: [] },
  "src/platform": { inside: ["src/base"], outside: ["node:"] },
  "src/agent": {
    inside: ["src/base", "src/protocol", "src/redaction", "src/settings", ...PORTS],
    outside: [],
  },
  // Agents of one home see each other; their files are judged by the buffer's lock.
  "src/presence": {
    inside: [
      "src/base",
      "src/agent/agent_types",
      "src/agent/command_result",
      "src/agent/commands",
      "src/agent/hello",
      "src/agent/neighbours",
      "src/buffer",
      "src/platform",
    ],
    outside: [],
  },
  // The composition root: the place where ports meet implementations.
  "src/install": {
    inside: [
      "src/base",
      "src/agent",
      "src/buffer",
      "src/engines/contract",
      "src/platform",
      "src/presence",
      "src/protocol",
      "src/redaction",
      "src/schedulers/contract",
      "src/settings",
      "src/transport",
    ],
    outside: [],
  },
  // No agent, no wire: context alone, for processes that BullMQ starts.
  "src/sandbox": {
    inside: [
      "src/base",
      "src/agent/work_contexts",
      "src/engines/bullmq/",
      "src/platform/async_store",
    ],
    outside: [],
  },
  "src/web": { inside: ["src/base", "src/agent"], outside: [] },
  "src/brain": {
    inside: ["src/base", "src/protocol", "src/redaction", "src/platform", "src/buffer"],
    outside: ["hono", "node:util"],
  },
  // What a diagnosis may see of the house, through one door.
  "src/diagnostics": {
    inside: [
      "src/base",
      "src/buffer",
      "src/install",
      "src/platform",
      "src/settings",
      "src/transport",
    ],
    outside: [],
  },
  // The command line stands where the composition root stands, with the brain behind it.
  "src/cli": {
    inside: [
      "src/base",
      "src/brain/cli",
      "src/buffer",
      "src/install",
      "src/platform",
      "src/presence",
      "src/protocol",
      "src/settings",
      "src/transport",
    ],
    outside: ["node:util"],
  },
  // A package of its own: it comes in by the public doors, as anybody does.
  "src/doctor": { inside: [], outside: ["@z4j/core/", "node:util"] },
  "src/testing": {
    inside: ["src/base", "src/protocol", "src/platform", "src/brain", ...PORTS],
    outside: ["node:"],
  },
};

// Shims: the one driver or built-in that each exists for.
const SHIMS: Readonly<Record<string, readonly string[]>> = {
  "src/buffer/sqlite_bun.ts": ["bun:sqlite"],
  "src/buffer/sqlite_node.ts": ["node:sqlite"],
  "src/buffer/file_ops_node.ts": ["src/platform/system"],
  "src/cli/program.ts": ["node:process"],
  "src/doctor/program.ts": ["node:process"],
};

// The front door may import everything inside `src`.
const ROOTS = new Set(["mod.ts"]);

function layerOf(path: string): string | undefined {
  return Object.keys(LAYERS).find((folder) => path.startsWith(`${folder}/`));
}

function target(file: SourceFile, entry: Import): string {
  return normalize(join(dirname(file.path), entry.specifier));
}

function checkFile(file: SourceFile): string[] {
  const layer = layerOf(file.path);
  if (layer === undefined) return ROOTS.has(file.path) ? [] : [`${file.path}: no layer`];
  return importsOf(file.text).flatMap((entry) => checkImport(file, entry, layer));
}

function checkImport(file: SourceFile, entry: Import, layer: string): string[] {
  const rules = LAYERS[layer] ?? { inside: [], outside: [] };
  const shim = SHIMS[file.path] ?? [];
  if (!entry.specifier.startsWith(".")) {
    const allowed = [...rules.outside, ...shim].some((prefix) =>
      entry.specifier.startsWith(prefix)
    );
    return allowed ? [] : [`${file.path}: may not import "${entry.specifier}"`];
  }
  const path = target(file, entry);
  const findings: string[] = [];
  const inside = path.startsWith(`${layer}/`) ||
    [...rules.inside, ...shim].some((prefix) => path.startsWith(prefix));
  if (!inside) findings.push(`${file.path}: ${layer} may not import ${path}`);
  const isDoor = file.path.endsWith("/mod.ts");
  if (path.endsWith("/mod.ts") && !isDoor) {
    findings.push(`${file.path}: goes through the door ${path}, expected a leaf file`);
  }
  return findings;
}

/** Value cycles by depth-first search; each is reported once. */
function cycles(files: readonly SourceFile[]): string[] {
  const edges = new Map(files.map((file) => [
    file.path,
    importsOf(file.text).filter((entry) =>
      entry.specifier.startsWith(".") && !entry.typeOnly && !entry.dynamic
    ).map((entry) => target(file, entry)),
  ]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) found.push(`cycle: ${[...trail.slice(at), path].join(" -> ")}`);
    if (at >= 0 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}

const files = sourceFiles("src").concat(sourceFiles(".").filter((file) => file.path === "mod.ts"));
const findings = [...files.flatMap(checkFile), ...cycles(files)];
process.exitCode = report("layers", findings, `(${files.length} files)`);
