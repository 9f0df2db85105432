import type { FileOps } from "./file_ops.ts";

/** The parts of a buffer's path. */
interface NameParts {
  readonly directory: string;
  readonly separator: string;
  readonly stem: string;
  readonly extension: string;
}

// Left by a process of the same home: buffers, and damaged ones set aside.
const BUFFER = /^buffer-.+\.(?:sqlite|kv)(?:\.corrupt-\d+)?$/;

/**
 * Paths of every buffer beside one: those with a usual name, and those that
 * were named after it.
 */
export function bufferNames(path: string, files: Pick<FileOps, "list">): readonly string[] {
  const { directory, separator, stem, extension } = splitPath(path);
  const isRelated = (name: string): boolean =>
    name.startsWith(stem) && /^(?:-[0-9a-f]{8})?$/.test(middleOf(name, stem, extension));
  // A lock alone is left where a process was killed between removing the two.
  const names = files.list(directory + separator).map((name) => name.replace(/-owner$/, ""));
  return [...new Set(names)]
    .filter((name) => BUFFER.test(name) || isRelated(name))
    .sort()
    .map((name) => directory + separator + name);
}

/** The same path with something random in its name. */
export function randomName(path: string, random: string): string {
  const { directory, separator, stem, extension } = splitPath(path);
  return `${directory}${separator}${stem}-${random}${extension}`;
}

/** The same path with another extension. */
export function withExtension(path: string, extension: string): string {
  const { directory, separator, stem } = splitPath(path);
  return `${directory}${separator}${stem}${extension}`;
}

function splitPath(path: string): NameParts {
  const start = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  const [separator, name] = [path.slice(0, start).slice(-1), path.slice(start)];
  const dot = name.lastIndexOf(".");
  const stem = dot > 0 ? name.slice(0, dot) : name;
  const directory = path.slice(0, start - separator.length);
  return { directory, separator, stem, extension: name.slice(stem.length) };
}

/** What is between the stem and the extension, a mark of damage left out. */
function middleOf(name: string, stem: string, extension: string): string {
  const whole = name.replace(/\.corrupt-\d+$/, "");
  return whole.endsWith(extension)
    ? whole.slice(stem.length, whole.length - extension.length)
    : "other";
}
