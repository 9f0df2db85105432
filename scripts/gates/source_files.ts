import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A source file: its path from the root of the repository, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Every TypeScript file below the folders, sorted by path. */
export function sourceFiles(...folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) => walk(folder)).sort().map((path) => ({
    path,
    text: readFileSync(path, "utf8"),
  }));
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : walk(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

/** One import or re-export of a file. */
export interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  /** Whether it is an `import()` inside a function. */
  readonly dynamic: boolean;
}

const STATIC = /^\s*(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*["']([^"']+)["']/g;

/** The imports of a file, without those in comments. */
export function importsOf(text: string): Import[] {
  const code = withoutComments(text);
  const found: Import[] = [];
  for (const match of code.matchAll(STATIC)) {
    found.push({
      specifier: match[2] ?? "",
      typeOnly: match[1] !== undefined || onlyTypes(match[0]),
      dynamic: false,
    });
  }
  for (const match of code.matchAll(DYNAMIC)) {
    found.push({ specifier: match[1] ?? "", typeOnly: false, dynamic: true });
  }
  return found;
}

/** `import { type A, type B } from` brings nothing at run time. */
function onlyTypes(statement: string): boolean {
  const names = /\{([^}]*)\}/.exec(statement)?.[1];
  return names !== undefined &&
    names.split(",").filter((name) => name.trim()).every((name) => name.trim().startsWith("type "));
}

/** The code of a file: comments blanked out, lines kept. */
export function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|[^:"'`\\])\/\/[^\n]*/g, "$1");
}

/** Prints the findings; answers the exit status. */
export function report(gate: string, findings: readonly string[], facts = ""): number {
  for (const finding of findings) console.error(`${gate}: ${finding}`);
  console.log(`${gate}: ${findings.length === 0 ? "ok" : `${findings.length} findings`} ${facts}`);
  return findings.length === 0 ? 0 : 1;
}
