import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { openBuffer as OpenBuffer } from "../../src/buffer/open.ts";
import { event, tempDir } from "../_support/buffer_files.ts";

const SOURCE = fileURLToPath(new URL("../../src", import.meta.url));

describe("openBuffer() of a copy whose code cannot be read any more", () => {
  it("keeps events in memory where neither the disk nor the code for waiting is there", async () => {
    const { dir, remove } = tempDir();
    try {
      for (const part of ["base", "buffer"]) {
        cpSync(join(SOURCE, part), join(dir, part), { recursive: true });
      }
      rmSync(join(dir, "buffer", "late_store.ts"));
      const copy: unknown = await import(pathToFileURL(join(dir, "buffer", "open.ts")).href);
      const { openBuffer } = copy as { readonly openBuffer: typeof OpenBuffer };
      const buffer = await openBuffer({ path: join(dir, "no", "buffer.sqlite") });
      assert.deepEqual(buffer.capabilities, { kind: "memory", durable: false, path: null });
      buffer.push(event(0));
      await buffer.settled();
      assert.equal(buffer.depth().count, 1);
      await buffer.close();
    } finally {
      remove();
    }
  });
});
