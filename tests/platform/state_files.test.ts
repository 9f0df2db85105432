import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openStateFiles } from "../../src/platform/state_files.ts";

describe("openStateFiles()", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "z4j-state-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  it("gives back what another process kept, in a private file", async () => {
    const folder = join(directory, "state");
    await openStateFiles(folder).setMeta("schedules/croner", '{"a":1}');
    assert.equal(await openStateFiles(folder).getMeta("schedules/croner"), '{"a":1}');
    const [name] = readdirSync(folder);
    assert.equal(statSync(join(folder, name ?? "")).mode & 0o777, 0o600);
  });

  it("gives null for what was never kept or removed", async () => {
    const files = openStateFiles(join(directory, "other"));
    assert.equal(await files.getMeta("x"), null);
    await files.setMeta("x", "1");
    await files.setMeta("x", null);
    assert.equal(await files.getMeta("x"), null);
  });

  it("never shows half a text to a reader while it is replaced", async () => {
    const files = openStateFiles(join(directory, "race"));
    const texts = ["a".repeat(100_000), "b".repeat(100_000)];
    await files.setMeta("k", texts[0] ?? "");
    const writes = Array.from({ length: 20 }, (_, n) => files.setMeta("k", texts[n % 2] ?? ""));
    const reads = Array.from({ length: 20 }, () => files.getMeta("k"));
    for (const text of await Promise.all(reads)) assert.ok(texts.includes(text ?? ""));
    await Promise.all(writes);
    assert.equal(readdirSync(join(directory, "race")).length, 1);
  });
});
