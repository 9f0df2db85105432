import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { loadFileOps } from "../../src/buffer/file_ops_node.ts";
import { listBuffers } from "../../src/buffer/list.ts";
import { openBuffer } from "../../src/buffer/open.ts";
import { DISK_ERROR, faultySqlite } from "../_support/buffer_faulty_sqlite.ts";
import { event, tempDir } from "../_support/buffer_files.ts";
import { createFakeClock } from "../_support/fake_clock.ts";

let dir = "";
let removeDir = (): void => {};

beforeEach(() => ({ dir, remove: removeDir } = tempDir()));
afterEach(() => removeDir());

/** Leaves a file with so many events behind, as a process that ended. */
async function leave(name: string, count: number, fingerprint?: string): Promise<void> {
  const buffer = await openBuffer({ path: join(dir, name), fingerprint });
  for (let n = 0; n < count; n++) buffer.push(event(n));
  await buffer.close();
}

const seen = async (options: Parameters<typeof listBuffers>[1] = {}): Promise<unknown[]> =>
  (await listBuffers(dir, options)).map(({ path, state, events, bytes }) => [
    path.slice(dir.length + 1),
    state,
    events,
    bytes,
  ]);

describe("listBuffers()", () => {
  it("tells every kind of buffer in a home, and changes nothing", async () => {
    await leave("buffer-1.sqlite", 2, "p");
    await leave("buffer-2.sqlite", 1, "other");
    await leave("buffer-3.sqlite.corrupt-7", 1);
    writeFileSync(join(dir, "buffer-4.sqlite"), "no database ".repeat(100));
    writeFileSync(join(dir, "buffer-5.kv"), "");
    writeFileSync(join(dir, "buffer-6.sqlite-owner"), "");
    const live = await openBuffer({ path: join(dir, "buffer-7.sqlite"), neighbours: true });
    const before = readdirSync(dir).sort();
    const [{ bytes: one }, two] = [event(0), event(0).bytes + event(1).bytes];
    assert.deepEqual(await seen({ fingerprint: "p" }), [
      ["buffer-1.sqlite", "orphan", 2, two],
      ["buffer-2.sqlite", "foreign", 1, one],
      ["buffer-3.sqlite.corrupt-7", "damaged", 1, one],
      ["buffer-4.sqlite", "orphan", null, null],
      ["buffer-5.kv", "orphan", null, null],
      ["buffer-7.sqlite", "used", 0, 0],
    ]);
    assert.deepEqual(readdirSync(dir).sort(), before);
    assert.equal((await seen()).filter((row) => String(row).includes("foreign")).length, 0);
    await live.close();
  });

  it("tells what it can of a file that it cannot lock or open", async () => {
    await leave("buffer-1.sqlite", 1);
    const sqlite = await faultySqlite();
    const options = {
      sqlite: () => Promise.resolve(sqlite.open),
      files: loadFileOps,
      clock: createFakeClock(),
    };
    sqlite.faults.set(/-owner BEGIN/, DISK_ERROR);
    assert.deepEqual(await seen(options), [["buffer-1.sqlite", "orphan", 1, event(0).bytes]]);
    sqlite.faults.set(/buffer-1.sqlite open/, DISK_ERROR);
    assert.deepEqual(await seen(options), [["buffer-1.sqlite", "orphan", null, null]]);
    assert.deepEqual(sqlite.left, []);
  });
});
