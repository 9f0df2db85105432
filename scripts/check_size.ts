/**
 * Size budgets: files and functions stay small enough to be read at a glance.
 * The function measure is by indentation of the formatted source.
 */
import process from "node:process";
import { report, type SourceFile, sourceFiles } from "./gates/source_files.ts";

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 60;
const MAX_SHIM_LINES = 60;
const MAX_DOOR_LINES = 90;
const SHIM =
  /(sqlite_bun|sqlite_node|serve_bun|serve_deno|fs_deno|fs_node|system_deno|system_node)\.ts$/;
// A door is a module comment with its example and a list of exports.
const DOOR = /(^|\/)mod\.ts$/;

// A line that opens a function body, and the indentation it closes at.
const OPENER =
  /^(\s*)(?:export\s+)?(?:async\s+)?(?:function\b.*|(?:static\s+|async\s+|get\s+|set\s+|\*)*#?[\w$]+(?:<[^>]*>)?\(.*|(?:const|let)\s+[\w$]+.*=>)\s*\{$/;
const CONTROL = /^\s*(?:if|for|while|switch|catch|return|else|do)\b/;

interface FunctionSize {
  readonly name: string;
  readonly lines: number;
}

/** Functions of a formatted file with their length in lines. */
function functionsOf(text: string): FunctionSize[] {
  const lines = text.split("\n");
  const found: FunctionSize[] = [];
  lines.forEach((line, start) => {
    const opener = OPENER.exec(line);
    if (opener === null || CONTROL.test(line)) return;
    const close = `${opener[1]}}`;
    const length = lines.slice(start + 1).findIndex((next) => next.startsWith(close));
    if (length >= 0) found.push({ name: line.trim().slice(0, 60), lines: length + 2 });
  });
  return found;
}

function limitOf(path: string): number {
  if (DOOR.test(path)) return MAX_DOOR_LINES;
  return SHIM.test(path) ? MAX_SHIM_LINES : MAX_FILE_LINES;
}

function checkFile(file: SourceFile): string[] {
  const count = file.text.split("\n").length - 1;
  const limit = limitOf(file.path);
  const findings = count > limit ? [`${file.path}: ${count} lines, expected at most ${limit}`] : [];
  for (const { name, lines } of functionsOf(file.text)) {
    if (lines > MAX_FUNCTION_LINES) {
      findings.push(
        `${file.path}: "${name}" has ${lines} lines, expected at most ${MAX_FUNCTION_LINES}`,
      );
    }
  }
  return findings;
}

const files = sourceFiles("src");
const total = files.reduce((sum, file) => sum + file.text.split("\n").length - 1, 0);
process.exitCode = report(
  "size",
  files.flatMap(checkFile),
  `(${files.length} files, ${total} lines)`,
);
