import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { noopLogger } from "../../src/base/logger.ts";
import { claimPath } from "../../src/buffer/claim.ts";
import type { FileOps } from "../../src/buffer/file_ops.ts";
import { loadFileOps } from "../../src/buffer/file_ops_node.ts";
import { takeOwnerLock } from "../../src/buffer/owner_lock.ts";
import type { LockParts } from "../../src/buffer/owner_lock.ts";
import { DISK_ERROR, faultySqlite } from "../_support/buffer_faulty_sqlite.ts";
import type { FaultySqlite } from "../_support/buffer_faulty_sqlite.ts";
import { tempDir } from "../_support/buffer_files.ts";
import { createFakeClock } from "../_support/fake_clock.ts";
import type { FakeClock } from "../_support/fake_clock.ts";

interface Bench {
  readonly path: string;
  readonly sqlite: FaultySqlite;
  readonly clock: FakeClock;
  /** Parts with these calls of the file system replaced. */
  parts(files?: Partial<FileOps>): LockParts;
}

async function bench(work: (bench: Bench) => void): Promise<void> {
  const { dir, remove } = tempDir();
  const [sqlite, real, clock] = [await faultySqlite(), await loadFileOps(), createFakeClock()];
  const parts = (files: Partial<FileOps> = {}): LockParts => ({
    driver: sqlite.open,
    files: { ...real, ...files },
    clock,
  });
  try {
    work({ path: join(dir, "buffer-1.sqlite"), sqlite, clock, parts });
    assert.deepEqual(sqlite.left, [], "every connection is closed");
  } finally {
    remove();
  }
}

const remote = { sharesMemory: () => false };
const SECOND = 1_000;

describe("takeOwnerLock()", () => {
  it("gives a lock to one at a time, and again after the release", () =>
    bench(({ path, parts }) => {
      const first = takeOwnerLock(path, parts());
      assert.ok(first !== null);
      assert.equal(takeOwnerLock(path, parts()), null);
      first.release();
      first.release();
      assert.equal(existsSync(`${path}-owner`), false);
      const second = takeOwnerLock(path, parts());
      assert.ok(second !== null);
      second.release();
    }));

  it("fails where there can be no lock", () =>
    bench(({ path, sqlite, parts }) => {
      sqlite.faults.set(/BEGIN EXCLUSIVE/, DISK_ERROR);
      assert.throws(() => takeOwnerLock(path, parts()), DISK_ERROR);
    }));

  it("gives up when the lock file is another one after each try", () =>
    bench(({ path, parts }) => {
      let turn = 0;
      const lock = takeOwnerLock(path, parts({ identity: () => `0:${turn++}` }));
      assert.equal(lock, null);
      assert.equal(turn, 10);
      assert.equal(takeOwnerLock(path, parts({ identity: () => null })), null);
    }));

  it("trusts the time of the lock file where locks may not reach the others", () =>
    bench(({ path, clock, parts }) => {
      writeFileSync(`${path}-owner`, "");
      const touchedAgo = (ms: number): LockParts =>
        parts({ ...remote, modifiedAt: () => clock.now() - ms });
      assert.equal(takeOwnerLock(path, touchedAgo(59 * SECOND)), null);
      // A clock that went back must not give it away either.
      assert.equal(takeOwnerLock(path, touchedAgo(-59 * SECOND)), null);
      const lock = takeOwnerLock(path, touchedAgo(60 * SECOND));
      assert.ok(lock !== null);
      lock.release();
    }));

  it("shows life every 15 s there, also after a time that failed, until the release", () =>
    bench(({ path, clock, parts }) => {
      const touches: number[] = [];
      const touch = (): void => {
        touches.push(clock.monotonic() / SECOND);
        if (touches.length === 2) throw new Error("server not responding");
      };
      const lock = takeOwnerLock(path, parts({ ...remote, modifiedAt: () => null, touch }));
      clock.advance(30 * SECOND);
      lock?.release();
      clock.advance(30 * SECOND);
      assert.deepEqual(touches, [0, 15, 30]);
    }));

  it("release() leaves the file where it cannot remove it, and the lock is free", () =>
    bench(({ path, parts }) => {
      const remove = (): void => {
        throw new Error("operation not permitted");
      };
      takeOwnerLock(path, parts({ remove }))?.release();
      assert.ok(existsSync(`${path}-owner`));
      const lock = takeOwnerLock(path, parts());
      assert.ok(lock !== null);
      lock.release();
    }));

  it("renew() takes it again when its file had vanished, unless somebody else was faster", () =>
    bench(({ path, parts }) => {
      const { files } = parts();
      const first = takeOwnerLock(path, parts());
      assert.ok(first !== null);
      first.renew();
      files.remove(`${path}-owner`);
      first.renew();
      assert.equal(takeOwnerLock(path, parts()), null);
      files.remove(`${path}-owner`);
      const other = takeOwnerLock(path, parts());
      assert.ok(other !== null);
      first.renew();
      first.release();
      first.renew();
      assert.equal(takeOwnerLock(path, parts()), null, "the other's lock holds");
      other.release();
    }));
});

describe("claimPath()", () => {
  it("says so when every name that it tries is in use", () =>
    bench(({ path, sqlite, parts }) => {
      const tried: string[] = [];
      const claim = (): unknown =>
        claimPath(path, {
          ...parts({
            ensurePrivate(name) {
              tried.push(name);
              return "existing";
            },
          }),
          fingerprint: null,
          logger: noopLogger,
        });
      sqlite.faults.set(/BEGIN EXCLUSIVE/, new Error("database is locked"));
      assert.throws(claim, /every name that was tried is in use/);
      assert.equal(tried[0], `${path}-owner`);
      assert.equal(new Set(tried).size, 4);
      assert.ok(tried.slice(1).every((name) => /buffer-1-[0-9a-f]{8}\.sqlite-owner$/.test(name)));
    }));
});
