import type { DiskProbe } from "@z4j/core/diagnostics";

/** A queue or schedule library in the app's dependencies. */
export interface FoundPackage {
  /** Name on npm. */
  readonly name: string;
  /** Whether z4j has an adapter, and for which side. */
  readonly kind: "engine" | "scheduler" | "unsupported";
  /** Installed version, else the declared range; `null` when neither is told. */
  readonly version: string | null;
}

const KNOWN: Readonly<Record<string, FoundPackage["kind"]>> = {
  bullmq: "engine",
  bunqueue: "engine",
  croner: "scheduler",
  agenda: "unsupported",
  "bee-queue": "unsupported",
  bree: "unsupported",
  bull: "unsupported",
  "graphile-worker": "unsupported",
  "node-cron": "unsupported",
  "node-schedule": "unsupported",
  "pg-boss": "unsupported",
  "toad-scheduler": "unsupported",
};

const MAX_MANIFEST_BYTES = 1024 * 1024;

/** Engines and schedulers that the manifests of an app name, sorted. */
export function findPackages(appDir: string, disk: DiskProbe): readonly FoundPackage[] {
  const wanted = new Map<string, string | null>();
  for (const name of ["package.json", "deno.json", "deno.jsonc"]) {
    const text = disk.readText(`${appDir}/${name}`, MAX_MANIFEST_BYTES);
    if (text !== null) { for (const [key, range] of dependenciesIn(text)) wanted.set(key, range); }
  }
  return [...wanted].filter(([name]) => Object.hasOwn(KNOWN, name)).map(([name, range]) => ({
    name,
    kind: KNOWN[name] ?? "unsupported",
    version: installedVersion(appDir, name, disk) ?? range,
  })).sort((left, right) => left.name < right.name ? -1 : 1);
}

/** Names and ranges in a package.json or deno.json; comments do not matter here. */
function dependenciesIn(text: string): [string, string | null][] {
  const found: [string, string | null][] = [];
  const manifest = parse(text);
  for (const section of ["dependencies", "devDependencies", "peerDependencies"]) {
    for (const [name, range] of entries(manifest?.[section])) found.push([name, range]);
  }
  for (const [, specifier] of entries(manifest?.["imports"])) {
    const match = /^npm:\/?((?:@[^/@]+\/)?[^/@]+)(?:@([^/]+))?/.exec(specifier);
    if (match !== null) found.push([match[1] ?? "", match[2] ?? null]);
  }
  return found;
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  for (const candidate of [text, withoutComments(text)]) {
    try {
      const value: unknown = JSON.parse(candidate);
      if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
    } catch {
      // The second candidate has its comments removed.
    }
  }
  return null;
}

// A string, or a comment of either kind.
const STRING_OR_COMMENT = /("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

/** JSON from JSON with comments and commas at the end. */
function withoutComments(text: string): string {
  return text.replace(STRING_OR_COMMENT, (_, string: string | undefined) => string ?? "")
    .replace(/,(\s*[}\]])/g, "$1");
}

function entries(value: unknown): [string, string][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).filter((entry): entry is [string, string] =>
    typeof entry[1] === "string"
  );
}

function installedVersion(appDir: string, name: string, disk: DiskProbe): string | null {
  for (let at = appDir, depth = 0; depth < 6; at += "/..", depth++) {
    const text = disk.readText(`${at}/node_modules/${name}/package.json`, MAX_MANIFEST_BYTES);
    const version = text === null ? undefined : parse(text)?.["version"];
    if (typeof version === "string") return version.slice(0, 40);
  }
  return null;
}
