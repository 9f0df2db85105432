import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Image } from "./disk.ts";
import type { Reopened, Subject } from "./subject.ts";

const NOTHING = new Uint8Array();
const PAGE = 4096;
const LOG_HEADER = 32;

/** What a state showed. */
export interface Verdict {
  /** Broken promises in words; none is well. */
  readonly broken: readonly string[];
  /** How much of what had been reported as stored is missing. */
  readonly lost: number;
}

/** Draws after how many of some bytes a recovery is killed. */
export type CutRecovery = (length: number) => number;

/** Reopens states in a folder, with the code of the library. */
export class Reopener {
  readonly #folder: string;
  readonly #subject: Subject;
  #count = 0;

  constructor(folder: string, subject: Subject) {
    this.#folder = folder;
    this.#subject = subject;
  }

  /** Judges a state; with `twice` its recovery is killed and done again. */
  async judge(image: Image, twice: CutRecovery | null): Promise<Verdict> {
    const broken: string[] = [];
    let lost = 0;
    const place = this.#lay(image);
    let reopened: Reopened | undefined;
    try {
      reopened = await this.#subject.reopen(join(place, this.#subject.file));
      lost = await reopened.compare(broken);
      if (twice !== null) {
        const contents = await reopened.contents();
        await this.#recoverAgain(this.#cutImage(image, place, twice), contents, broken);
      }
      await reopened.use(broken);
    } catch (error) {
      broken.push(`cannot be reopened: ${String(error)} ${String((error as Error).cause ?? "")}`);
    } finally {
      await reopened?.close();
      rmSync(place, { recursive: true });
    }
    return { broken, lost };
  }

  /**
   * What recovery had written when it was killed. It goes on with the log, or
   * moves it into the file page by page and then begins a new one.
   */
  #cutImage(image: Image, place: string, cut: CutRecovery): Image {
    const files = imageOf(place);
    const { file } = this.#subject;
    const log = `${file}-wal`;
    if (image.has(`${file}-journal`)) return files;
    const [before, after] = [contentOf(image, log), contentOf(files, log)];
    const same = sharedLength(before, after);
    const goesOn = same >= LOG_HEADER;
    if (goesOn || before.length === 0 || cut(1) === 1) {
      const from = goesOn ? same : 0;
      const rest = goesOn ? before : NOTHING;
      return new Map([...files, [log, prefixOver(rest, after, from + cut(after.length - from))]]);
    }
    const moved = movedPages(contentOf(image, file), contentOf(files, file), cut);
    return new Map([...files, [file, moved], [log, before]]);
  }

  async #recoverAgain(image: Image, first: string, broken: string[]): Promise<void> {
    const place = this.#lay(image);
    const reopened = await this.#subject.reopen(join(place, this.#subject.file));
    try {
      if (await reopened.contents() !== first) {
        broken.push("a recovery that was killed and one that was not differ");
      }
    } finally {
      await reopened.close();
      rmSync(place, { recursive: true });
    }
  }

  /** A folder for each state: what closes late must not touch the next. */
  #lay(image: Image): string {
    const place = join(this.#folder, String(this.#count++));
    mkdirSync(place);
    for (const [name, bytes] of image) writeFileSync(join(place, name), bytes);
    return place;
  }
}

function imageOf(place: string): Image {
  const names = readdirSync(place).filter((name) => !name.endsWith("-shm"));
  return new Map(names.map((name) => [name, new Uint8Array(readFileSync(join(place, name)))]));
}

function contentOf(image: Image, name: string): Uint8Array {
  return image.get(name) ?? NOTHING;
}

/** The old bytes, of which the first are new. */
function prefixOver(before: Uint8Array, after: Uint8Array, length: number): Uint8Array {
  const mixed = new Uint8Array(Math.max(length, before.length));
  mixed.set(before);
  mixed.set(after.subarray(0, length));
  return mixed;
}

/** The old file with the first of the pages that changed, the last of them torn. */
function movedPages(before: Uint8Array, after: Uint8Array, cut: CutRecovery): Uint8Array {
  const isChanged = (at: number): boolean =>
    sharedLength(before.subarray(at, at + PAGE), after.subarray(at, at + PAGE)) <
      Math.min(PAGE, after.length - at);
  const changed = Array.from({ length: Math.ceil(after.length / PAGE) }, (_, page) => page * PAGE)
    .filter(isChanged);
  let left = cut(changed.length * PAGE);
  let mixed = before;
  for (const at of changed) {
    const page = after.subarray(at, at + Math.min(PAGE, left));
    left -= page.length;
    const grown = new Uint8Array(Math.max(mixed.length, at + page.length));
    grown.set(mixed);
    grown.set(page, at);
    mixed = grown;
    if (left === 0) break;
  }
  return mixed;
}

function sharedLength(one: Uint8Array, other: Uint8Array): number {
  const most = Math.min(one.length, other.length);
  let length = 0;
  while (length < most && one[length] === other[length]) length++;
  return length;
}
