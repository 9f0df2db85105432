import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Image } from "./disk.ts";
import type { Reopened, Subject } from "./subject.ts";

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

  /** What recovery had written when it was killed: the log up to some byte, beyond it the old. */
  #cutImage(image: Image, place: string, cut: CutRecovery): Image {
    const log = `${this.#subject.file}-wal`;
    const files = imageOf(place);
    const before = image.get(log) ?? new Uint8Array();
    const after = files.get(log) ?? new Uint8Array();
    const same = sharedLength(before, after);
    if (image.has(`${this.#subject.file}-journal`) || same === after.length) return files;
    const length = same + cut(after.length - same);
    const mixed = new Uint8Array(Math.max(length, before.length));
    mixed.set(before);
    mixed.set(after.subarray(0, length));
    return new Map([...files, [log, mixed]]);
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

function sharedLength(one: Uint8Array, other: Uint8Array): number {
  const most = Math.min(one.length, other.length);
  let length = 0;
  while (length < most && one[length] === other[length]) length++;
  return length;
}
