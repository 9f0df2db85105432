import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { keepAliveUntil, systemClock } from "../../src/base/clock.ts";
import { createGroupedBuffer } from "../../src/buffer/grouped.ts";
import { startNeighbourhood } from "../../src/buffer/neighbours.ts";
import { listBuffers } from "../../src/buffer/list.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import { openBuffer } from "../../src/buffer/open.ts";
import { event, until } from "../_support/buffer_files.ts";
import { BufferHome, textsOf } from "../_support/buffer_home.ts";
import { createFakeClock } from "../_support/fake_clock.ts";
import { createStoreDouble } from "../_support/buffer_store_double.ts";
import { startNeighbour } from "../_support/buffer_neighbours.ts";

const home = new BufferHome();

beforeEach(() => home.renew());
afterEach(() => home.remove());

function numbered(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => event(from + i).text);
}

/** Leaves the file of a process that was killed; answers its path. */
async function orphan(count: number, from = 0, at = home.path, fingerprint = "p"): Promise<string> {
  const child = startNeighbour({ path: at, count, from, fingerprint });
  const found = await child.path;
  await child.kill();
  return found;
}

/** The same, made where it cannot adopt from another one that was killed before it. */
async function orphanOfItsOwn(count: number, from: number, at: string): Promise<string> {
  const apart = `${at}.apart`;
  mkdirSync(apart);
  await orphan(count, from, join(apart, basename(at)));
  for (const name of readdirSync(apart)) renameSync(join(apart, name), join(home.dir, name));
  rmdirSync(apart);
  return at;
}

const PLACE = {
  own: "own",
  limits: { maxEvents: 100_000, maxBytes: 1 << 28 },
  release: () => {},
};

describe("openBuffer() among neighbours", () => {
  it("openBuffer() takes another name while a live process of the same id has the file", async () => {
    const child = startNeighbour({ path: home.path, count: 3 });
    assert.equal(await child.path, home.path);
    // Made after the child's own look, which would keep this file busy for a moment.
    await orphan(1, 500, join(home.dir, "buffer-9.sqlite"), "other");
    const buffer = await home.open();
    // Its look at the neighbours is over, so it will not adopt what the child leaves.
    await until(() => home.lines.some((line) => line.startsWith("A buffer is kept")), 10_000);
    assert.match(buffer.capabilities.path ?? "", /buffer-1-[0-9a-f]{8}\.sqlite$/);
    buffer.push(event(100));
    await buffer.settled();
    assert.deepEqual(await textsOf(buffer), [event(100).text]);
    await child.end();
    const again = await home.open();
    assert.equal(again.capabilities.path, home.path);
    assert.deepEqual(await textsOf(again), numbered(0, 3));
    await again.close();
    await buffer.close();
  });

  it("openBuffer() leaves the events of a live neighbour alone", async () => {
    const child = startNeighbour({ path: join(home.dir, "buffer-7.sqlite"), count: 5 });
    await child.path;
    const buffer = await home.open();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(buffer.depth().count, 0);
    const states = (await listBuffers(home.dir)).map(({ state, events }) => [state, events]);
    assert.deepEqual(states, [["used", 0], ["used", 5]]);
    await buffer.close();
    await child.kill();
  });

  it("openBuffer() adopts what a killed neighbour left, each event once, and removes its file", async () => {
    const left = await orphan(3_000, 0, join(home.dir, "buffer-7.sqlite"));
    const began = performance.now();
    const buffer = await home.open();
    buffer.push(event(9_999));
    await until(() => !existsSync(left));
    assert.ok(performance.now() - began < 3_000, "adoption must not take seconds");
    const expected = [...numbered(0, 3_000), event(9_999).text].sort();
    assert.deepEqual((await textsOf(buffer)).sort(), expected);
    await buffer.close();
    assert.deepEqual(readdirSync(home.dir), ["buffer-1.sqlite"]);
    assert.ok(home.lines.some((line) => line.includes("3000")), home.lines.join());
  });

  it("look() ends between two neighbours when the buffer closes or cannot store", async () => {
    for (const end of ["stopped", "troubled"]) {
      const clock = createFakeClock();
      const store = createStoreDouble();
      const buffer = createGroupedBuffer({ store, clock });
      const visited: string[] = [];
      const watch = startNeighbourhood({
        ...PLACE,
        names: () => ["a", "b"],
        open: (name) => {
          visited.push(name);
          if (end === "stopped") watch.stop();
          else {
            store.failure = new Error("database or disk is full");
            buffer.push(event(0));
            clock.advance(20);
          }
          return { kind: "busy" };
        },
        buffer,
        clock,
        logger: home.logger,
      });
      await watch.look();
      assert.deepEqual(visited, ["a"], end);
      watch.stop();
      await buffer.close();
    }
  });

  it("look() leaves rows in their file when they could not be stored here", async () => {
    for (const end of ["stopped while reading", "refused and given up"]) {
      const clock = createFakeClock();
      const store = createStoreDouble();
      const buffer = createGroupedBuffer({ store, clock });
      const calls: string[] = [];
      const watch = startNeighbourhood({
        ...PLACE,
        names: () => ["a"],
        open: () => ({
          kind: "orphan",
          orphan: {
            read(afterId) {
              if (end === "stopped while reading") watch.stop();
              else store.failure = new Error("database or disk is full");
              return { rows: [{ ...event(0), id: afterId + 1 }], lastId: afterId + 1, more: true };
            },
            remove: () => void calls.push("removed"),
            losses: () => ({}),
            close: (empty) => void calls.push(`closed ${empty}`),
          },
        }),
        buffer,
        clock,
        logger: home.logger,
      });
      const look = watch.look();
      await clock.advanceAsync(0);
      // What waits is given up when memory is full.
      if (store.failure !== null) { for (let n = 1; n <= 10_000; n++) buffer.push(event(n)); }
      await look;
      assert.deepEqual(calls, ["closed false"], end);
      watch.stop();
      await buffer.close();
    }
  });

  it("look() tells the same trouble once", async () => {
    const clock = createFakeClock();
    const buffer = createGroupedBuffer({ store: createStoreDouble(), clock });
    const watch = startNeighbourhood({
      ...PLACE,
      names: () => ["a", "b"],
      open: (name) => {
        if (name === "a") throw new Error("disk I/O error");
        return { kind: "kept", reason: "newer" };
      },
      buffer,
      clock,
      logger: home.logger,
    });
    await watch.look();
    await watch.look();
    assert.deepEqual(home.lines.map((line) => line.slice(0, line.indexOf(" {"))), [
      "A neighbour's buffer cannot be used now",
      "A buffer is kept and not sent",
    ]);
    watch.stop();
    await buffer.close();
  });

  it("look() removes rows from an orphan only after they are stored here", async () => {
    const order: string[] = [];
    const store = createStoreDouble();
    const { append } = store;
    store.append = (entries, meta) => {
      order.push("stored");
      return append(entries, meta);
    };
    const buffer = createGroupedBuffer({ store });
    const watch = startNeighbourhood({
      ...PLACE,
      names: () => ["orphan"],
      open: () => ({
        kind: "orphan",
        orphan: {
          read: (afterId) => ({
            rows: afterId < 3 ? [{ ...event(afterId), id: afterId + 1 }] : [],
            lastId: Math.min(3, afterId + 1),
            more: afterId < 3,
          }),
          remove: () => void order.push("removed"),
          losses: () => ({}),
          close: () => {},
        },
      }),
      buffer,
      clock: systemClock,
      logger: home.logger,
    });
    await keepAliveUntil(watch.look());
    watch.stop();
    await buffer.close();
    assert.deepEqual(order, ["stored", "removed", "stored", "removed", "stored", "removed"]);
  });

  it("openBuffer() in several processes at once adopts every orphan exactly once", async () => {
    const left = await Promise.all(
      [2, 3, 4, 5].map((n) =>
        orphanOfItsOwn(1_000, n * 1_000, join(home.dir, `buffer-${n}.sqlite`))
      ),
    );
    const adopters = [11, 12, 13].map((n) =>
      startNeighbour({ path: join(home.dir, `buffer-${n}.sqlite`) })
    );
    await until(() => left.every((file) => !existsSync(file)), 15_000);
    await Promise.all(adopters.map((one) => one.end()));
    const buffer = await home.open();
    await until(() => buffer.depth().count === 4_000, 10_000);
    await until(() =>
      readdirSync(home.dir).filter((name) => name.endsWith(".sqlite")).length === 1
    );
    const texts = await textsOf(buffer);
    assert.deepEqual([texts.length, new Set(texts).size], [4_000, 4_000], home.lines.join("\n"));
    assert.deepEqual(texts.sort(), numbered(2_000, 6_000).sort());
    await buffer.close();
  });

  it("openBuffer() loses nothing when adopters are killed in the middle", async () => {
    const left = await orphan(20_000, 0, join(home.dir, "buffer-7.sqlite"));
    for (let round = 0; round < 3; round++) {
      const adopter = startNeighbour({ path: join(home.dir, `buffer-${20 + round}.sqlite`) });
      await adopter.path;
      await new Promise((resolve) => setTimeout(resolve, 10 + 20 * round));
      await adopter.kill();
    }
    const wasInTheMiddle = existsSync(left);
    const buffer = await home.open();
    const others = () => readdirSync(home.dir).filter((name) => /^buffer-(7|2\d)/.test(name));
    await until(() => others().length === 0, 20_000).catch((error: unknown) => {
      throw new Error(`${home.lines.join("\n")}\n${readdirSync(home.dir).join()}`, {
        cause: error,
      });
    });
    const texts = await textsOf(buffer);
    assert.deepEqual([...new Set(texts)].sort(), numbered(0, 20_000).sort());
    assert.ok(wasInTheMiddle, "the kills came too late to prove anything");
    await buffer.close();
  });

  it("openBuffer() keeps and reports what was written under another project's secret", async () => {
    const others = [
      startNeighbour({ path: join(home.dir, "buffer-7.sqlite"), count: 4, fingerprint: "other" }),
      startNeighbour({ path: home.path, count: 2, from: 50, fingerprint: "other" }),
    ];
    const [left, same] = await Promise.all(others.map((one) => one.path));
    await Promise.all(others.map((one) => one.kill()));
    const buffer = await home.open();
    assert.notEqual(buffer.capabilities.path, same);
    await until(() => home.lines.filter((line) => line.includes("another project")).length >= 2);
    assert.equal(buffer.depth().count, 0);
    const listed = await listBuffers(home.dir, { fingerprint: "p" });
    assert.deepEqual(
      listed.filter(({ state }) => state === "foreign").map(({ path, events }) => [path, events]),
      [[same, 2], [left, 4]],
    );
    await buffer.close();
    const owner = await home.open("other");
    await until(() => owner.depth().count === 6);
    await owner.close();
  });

  it("openBuffer() keeps a neighbour's file of a newer version, and what is no buffer", async () => {
    const newer = await orphan(3, 0, join(home.dir, "buffer-7.sqlite"));
    const driver = (await loadSqlite())(newer);
    driver.exec("PRAGMA user_version = 99");
    driver.close();
    const other = join(home.dir, "buffer-8.sqlite");
    const foreign = (await loadSqlite())(other);
    foreign.exec("CREATE TABLE cakes (name TEXT)");
    foreign.close();
    const buffer = await home.open();
    await until(() =>
      home.lines.filter((line) => line.includes("is kept and not sent")).length === 2
    );
    assert.equal(buffer.depth().count, 0);
    await buffer.close();
    assert.ok(existsSync(newer) && existsSync(other));
  });

  it("close() while adopting leaves every event in one of the two files", async () => {
    await orphan(5_000, 0, join(home.dir, "buffer-7.sqlite"));
    const first = await home.open();
    await until(() => first.depth().count > 300);
    await first.close();
    const second = await home.open();
    await until(() => !existsSync(join(home.dir, "buffer-7.sqlite")), 10_000);
    const texts = await textsOf(second);
    assert.deepEqual([...new Set(texts)].sort(), numbered(0, 5_000).sort());
    assert.deepEqual(second.losses().closed, {});
    assert.deepEqual(first.losses().closed, {});
    await second.close();
  });

  it("openBuffer() clears away the lock of a process killed before it had a file", async () => {
    writeFileSync(join(home.dir, "buffer-7.sqlite-owner"), "");
    const buffer = await home.open();
    await until(() => !existsSync(join(home.dir, "buffer-7.sqlite-owner")));
    assert.ok(!existsSync(join(home.dir, "buffer-7.sqlite")));
    await buffer.close();
  });

  it("openBuffer() adopts no more than its own bounds allow", async () => {
    await orphan(3_000, 0, join(home.dir, "buffer-7.sqlite"));
    const limits = { maxEvents: 1_000 };
    const buffer = await openBuffer({
      path: home.path,
      fingerprint: "p",
      neighbours: true,
      limits,
      logger: home.logger,
    });
    await until(() => buffer.depth().count >= 750);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(buffer.depth().count, 750);
    assert.deepEqual(buffer.losses().capacity, {});
    await buffer.close();
  });
});
