import type { Step } from "./trace.ts";

/** A change of a file that no sync has made safe yet. */
type Change = Extract<Step, { readonly kind: "write" | "truncate" }>;

/** Which unsynced changes reached the disk, and how much of a write. */
export interface Fate {
  /** Whether change number `index` of the unsynced ones is there. */
  reached(index: number): boolean;
  /** How many bytes of a write that is there are there. */
  part(length: number): number;
}

const WHOLE: Fate = { reached: () => true, part: (length) => length };

/** Files as bytes by name. */
export type Image = ReadonlyMap<string, Uint8Array>;

/**
 * A disk under a file system with ordered metadata: names come and go in order,
 * the contents of a file are safe once it was synced, and until then any subset
 * of its changes may be there, a write also in part.
 */
export class Disk {
  readonly #safe = new Map<string, Uint8Array>();
  readonly #unsynced = new Map<string, Change[]>();

  /** Carries a step out. */
  take(step: Step): void {
    switch (step.kind) {
      case "mark":
        return;
      case "create":
        if (!this.#safe.has(step.file)) this.#safe.set(step.file, new Uint8Array());
        return;
      case "unlink":
        this.#safe.delete(step.file);
        this.#unsynced.delete(step.file);
        return;
      case "sync":
        this.#safe.set(step.file, this.#content(step.file, WHOLE));
        this.#unsynced.delete(step.file);
        return;
      default: {
        const changes = this.#unsynced.get(step.file) ?? [];
        changes.push(step);
        this.#unsynced.set(step.file, changes);
      }
    }
  }

  /** Whether every change is safe. */
  get allSynced(): boolean {
    return this.#unsynced.size === 0;
  }

  /** What is there when only the process dies, `last` being cut after some bytes. */
  afterCrash(last: Step, bytes: number): Image {
    const image = this.#image(() => WHOLE);
    if (last.kind !== "write") return image;
    const content = image.get(last.file) ?? new Uint8Array();
    const cut = { ...last, data: last.data.subarray(0, bytes) };
    return new Map([...image, [last.file, changed(content, cut, WHOLE)]]);
  }

  /** What is there when the power fails and this is the fate of what was unsynced. */
  afterPowerLoss(fate: Fate): Image {
    return this.#image(() => fate);
  }

  #image(fateOf: () => Fate): Image {
    return new Map([...this.#safe.keys()].map((file) => [file, this.#content(file, fateOf())]));
  }

  #content(file: string, fate: Fate): Uint8Array {
    let content = this.#safe.get(file) ?? new Uint8Array();
    const changes = this.#unsynced.get(file) ?? [];
    if (changes.length > 0) content = content.slice();
    changes.forEach((change, index) => {
      if (fate.reached(index)) content = changed(content, change, fate);
    });
    return content;
  }
}

function changed(content: Uint8Array, change: Change, fate: Fate): Uint8Array {
  if (change.kind === "truncate") return resized(content, change.size);
  const data = change.data.subarray(0, fate.part(change.data.length));
  const grown = resized(content, Math.max(content.length, change.at + data.length));
  grown.set(data, change.at);
  return grown;
}

function resized(content: Uint8Array, size: number): Uint8Array {
  const next = new Uint8Array(size);
  next.set(content.subarray(0, size));
  return next;
}
