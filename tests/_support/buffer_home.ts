import { join } from "node:path";
import type { Logger } from "../../src/base/logger.ts";
import type { GroupedBuffer } from "../../src/buffer/grouped.ts";
import { openBuffer } from "../../src/buffer/open.ts";
import { tempDir } from "./buffer_files.ts";

const ALL = { maxCount: 1_000_000, maxBytes: 1_000_000_000 };

/** A home for buffers, made anew for each test. */
export class BufferHome {
  /** Its folder. */
  dir = "";
  /** File of the first buffer. */
  path = "";
  /** What the buffers told their host. */
  lines: string[] = [];
  #remove = (): void => {};

  /** Writes these lines. */
  readonly logger: Logger;

  constructor() {
    const heard = (facts: unknown, message: string): void => {
      this.lines.push(`${message} ${JSON.stringify(facts)}`);
    };
    this.logger = { debug() {}, info: heard, warn: heard, error: heard };
  }

  /** Makes a new folder; nobody told anything yet. */
  renew(): void {
    const { dir, remove } = tempDir();
    this.dir = dir;
    this.path = join(dir, "buffer-1.sqlite");
    this.#remove = remove;
    this.lines = [];
  }

  /** Removes the folder. */
  remove(): void {
    this.#remove();
  }

  /** Opens a buffer that looks after its neighbours. */
  open(fingerprint = "p", at: string = this.path): Promise<GroupedBuffer> {
    return openBuffer({ path: at, fingerprint, neighbours: true, logger: this.logger });
  }
}

/** The texts in a buffer, in their order. */
export async function textsOf(buffer: GroupedBuffer): Promise<string[]> {
  return (await buffer.read(0, ALL)).map(({ text }) => text);
}
