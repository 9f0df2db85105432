import type { Call } from "./trace.ts";

// A file system writes back and forgets whole pages.
const PAGE = 4096;

interface File {
  /** What every reader sees. */
  cached: Uint8Array;
  /** What is on the platter. */
  safe: Uint8Array;
  /** Pages that differ, as far as the kernel knows. */
  readonly dirty: Set<number>;
}

/**
 * A disk whose failed sync is the kernel's: the pages count as clean from then
 * on though they never reached the platter, so a later sync of the same file
 * says "done" without them. Only what is written again is saved again.
 */
export class SickDisk {
  readonly #files = new Map<string, File>();

  /** Carries a call out. */
  take(call: Call): void {
    if (call.kind === "mark") return;
    if (call.kind === "unlink") return void this.#files.delete(call.file);
    const file = this.#file(call.file);
    switch (call.kind) {
      case "create":
        return;
      case "truncate":
        file.cached = resized(file.cached, call.size);
        return;
      case "write":
        return write(file, call.at, call.data);
      case "sync":
        if (!call.failed) sync(file);
        file.dirty.clear();
    }
  }

  /** What is there after the power failed now. */
  platter(): ReadonlyMap<string, Uint8Array> {
    const names = [...this.#files.keys()].filter((name) => !/-shm$|-owner/.test(name));
    return new Map(names.map((name) => [name, this.#file(name).safe]));
  }

  #file(name: string): File {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const fresh: File = { cached: new Uint8Array(), safe: new Uint8Array(), dirty: new Set() };
    this.#files.set(name, fresh);
    return fresh;
  }
}

function write(file: File, at: number, data: Uint8Array): void {
  const end = at + data.length;
  file.cached = resized(file.cached, Math.max(file.cached.length, end));
  file.cached.set(data, at);
  for (let page = Math.floor(at / PAGE); page * PAGE < end; page++) file.dirty.add(page);
}

function sync(file: File): void {
  file.safe = resized(file.safe, file.cached.length);
  for (const page of file.dirty) {
    // The file may have become shorter meanwhile.
    if (page * PAGE >= file.cached.length) continue;
    file.safe.set(file.cached.subarray(page * PAGE, (page + 1) * PAGE), page * PAGE);
  }
}

function resized(content: Uint8Array, size: number): Uint8Array {
  if (content.length === size) return content;
  const next = new Uint8Array(size);
  next.set(content.subarray(0, size));
  return next;
}
