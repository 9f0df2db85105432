import assert from "node:assert/strict";
import { chmodSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadFileOps } from "../../src/buffer/file_ops_node.ts";
import { bufferNames, randomName, withExtension } from "../../src/buffer/names.ts";
import { tempDir } from "../_support/buffer_files.ts";

describe("bufferNames()", () => {
  const found = (path: string, names: readonly string[]): readonly string[] => {
    const asked: string[] = [];
    const list = (directory: string): readonly string[] => {
      asked.push(directory);
      return names;
    };
    return [...bufferNames(path, { list }), ...asked];
  };

  it("finds usual names and those that were made from the own one", () => {
    const names = [
      "events-0123abcd.db.corrupt-7",
      "events-0123abcd.db-owner",
      "events.db",
      "events.db-wal",
      "events-other.db",
      "events.sqlite",
      "other.db",
      "buffer-7.kv",
      "buffer-8.sqlite.corrupt-9",
      "buffer-8.sqlite.corrupt-9.done",
      "buffer-9.sqlite-owner",
      "buffer-9.sqlite-wal",
    ];
    assert.deepEqual(found("/h/events.db", names), [
      "/h/buffer-7.kv",
      "/h/buffer-8.sqlite.corrupt-9",
      "/h/buffer-9.sqlite",
      "/h/events-0123abcd.db",
      "/h/events-0123abcd.db.corrupt-7",
      "/h/events.db",
      "/h/",
    ]);
  });

  it("takes any name and any directory apart", () => {
    assert.deepEqual(found("/h/data", ["data", "data-0123abcd", "data.db"]), [
      "/h/data",
      "/h/data-0123abcd",
      "/h/",
    ]);
    assert.deepEqual(found("/h/.data", [".data", ".data-0123abcd"]), [
      "/h/.data",
      "/h/.data-0123abcd",
      "/h/",
    ]);
    assert.deepEqual(found("C:\\h\\a.db", ["a.db"]), ["C:\\h\\a.db", "C:\\h\\"]);
    assert.deepEqual(found("a.db", ["a.db"]), ["a.db", ""]);
    assert.deepEqual(found("/a.db", ["a.db"]), ["/a.db", "/"]);
    assert.deepEqual(found("/h\nx/a.db", ["a.db"]), ["/h\nx/a.db", "/h\nx/"]);
  });

  it("randomName() and withExtension() change the name alone", () => {
    assert.equal(randomName("/h.x/a.db", "12"), "/h.x/a-12.db");
    assert.equal(randomName("/h.x/a", "12"), "/h.x/a-12");
    assert.equal(withExtension("/h.x/a.db", ".kv"), "/h.x/a.kv");
    assert.equal(withExtension("/h.x/a", ".kv"), "/h.x/a.kv");
  });
});

// Deno has calls of its own; `node:fs` serves it where they do not.
for (const [name, globals] of [["as it is", globalThis], ["through node:fs", {}]] as const) {
  describe(`loadFileOps() ${name}`, () => {
    it("passes over what is missing, and tells every other failure", async () => {
      const files = await loadFileOps(globals);
      const { dir, remove } = tempDir();
      try {
        const file = join(dir, "file");
        writeFileSync(file, "");
        assert.deepEqual([files.exists(file), files.list(dir)], [true, ["file"]]);
        assert.match(files.identity(file) ?? "", /^\d+:\d+$/);
        const { mtimeMs } = statSync(file);
        assert.ok(Math.abs((files.modifiedAt(file) ?? 0) - mtimeMs) < 2);
        const missing = join(dir, "missing");
        files.remove(missing);
        files.restrict(missing);
        files.touch(missing);
        files.rename(missing, join(dir, "new"));
        assert.throws(() => files.remove(join(file, "below")));
        assert.deepEqual([files.identity(missing), files.modifiedAt(missing)], [null, null]);
        assert.deepEqual(files.list(missing), []);
      } finally {
        remove();
      }
    });

    it("ensurePrivate() takes a regular file, narrowed, and nothing else", async () => {
      const files = await loadFileOps(globals);
      const { dir, remove } = tempDir();
      try {
        const file = join(dir, "file");
        assert.equal(files.ensurePrivate(file), "created");
        chmodSync(file, 0o644);
        assert.equal(files.ensurePrivate(file), "existing");
        assert.equal(statSync(file).mode & 0o777, 0o600);
        mkdirSync(join(dir, "directory"));
        assert.throws(() => files.ensurePrivate(join(dir, "directory")), /expected a regular file/);
        assert.throws(() => files.ensurePrivate(join(file, "below")));
      } finally {
        remove();
      }
    });

    it("sharesMemory() believes in a place that nothing is known about", async () => {
      assert.equal((await loadFileOps(globals)).sharesMemory("/nowhere/at/all"), true);
    });
  });
}
