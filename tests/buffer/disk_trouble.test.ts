import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Logger } from "../../src/base/logger.ts";
import { loadFileOps } from "../../src/buffer/file_ops_node.ts";
import type { GroupedBuffer } from "../../src/buffer/grouped.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import { openBuffer } from "../../src/buffer/open.ts";
import type { NewEntry } from "../../src/buffer/port.ts";
import type { SqliteDriver } from "../../src/buffer/sqlite_driver.ts";
import { event, tempDir, until } from "../_support/buffer_files.ts";
import { watchLoop } from "../_support/watch_loop.ts";

const ALL = { maxCount: 1_000_000, maxBytes: 1_000_000_000 };
// What a host may be held up at most by one turn of ours, on a busy machine.
const LONGEST_BLOCK_MS = 400;

let dir = "";
let removeDir = (): void => {};
let lines: string[] = [];
let undo: (() => void)[] = [];

const heard = (facts: unknown, message: string): void => {
  lines.push(`${message} ${JSON.stringify(facts)}`);
};
const logger: Logger = { debug() {}, info: heard, warn: heard, error: heard };

beforeEach(() => {
  const temp = tempDir();
  dir = temp.dir;
  removeDir = temp.remove;
  lines = [];
  undo = [];
});
afterEach(() => {
  for (const step of undo.splice(0).reverse()) step();
  removeDir();
});

/** Mounts a small disk of its own; `false` where that is not allowed. */
function mountDisk(point: string, sizeBytes: number): boolean {
  mkdirSync(point);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", point], {
      stdio: "pipe",
    });
  } catch {
    return false;
  }
  undo.push(() => execFileSync("umount", ["-l", point], { stdio: "pipe" }));
  return true;
}

const mayMount = process.getuid?.() === 0 && canMount();

function canMount(): boolean {
  const { dir: place, remove } = tempDir();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=65536", "tmpfs", place], { stdio: "pipe" });
    execFileSync("umount", [place], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  } finally {
    remove();
  }
}

const NO_MOUNT = mayMount ? false : "needs root and mount(8)";

function opened(path: string): Promise<GroupedBuffer> {
  return openBuffer({ path, neighbours: true, fingerprint: "p", logger, random: () => 0 });
}

function sized(n: number, size = 1_000): NewEntry {
  const text = JSON.stringify({ n, x: "x".repeat(size) });
  return { text, bytes: text.length, kind: "task.started", class: "progress" };
}

async function numbersOf(buffer: GroupedBuffer): Promise<number[]> {
  const rows = await buffer.read(0, ALL);
  return rows.map(({ text }) => (JSON.parse(text) as { n: number }).n);
}

/** Every pushed event is stored or counted with a reason. */
async function assertAccount(buffer: GroupedBuffer, pushed: number): Promise<number[]> {
  const numbers = await numbersOf(buffer);
  const { storage, capacity, closed, content } = buffer.losses();
  const lost = [storage, capacity, closed, content]
    .flatMap((losses) => Object.values(losses)).reduce((sum, count) => sum + count, 0);
  assert.equal(new Set(numbers).size, numbers.length, "nothing twice");
  assert.equal(numbers.length + lost, pushed, `${numbers.length} stored, ${lost} counted`);
  return numbers;
}

describe("openBuffer() on a real disk in trouble", () => {
  it("push() on a full disk keeps, counts and recovers without stalling", {
    skip: NO_MOUNT,
  }, async () => {
    const disk = join(dir, "disk");
    assert.ok(mountDisk(disk, 2 * 1024 * 1024));
    const buffer = await opened(join(disk, "buffer-1.sqlite"));
    const ballast = join(disk, "ballast");
    buffer.push(sized(0));
    await buffer.settled();
    const { bsize, bavail } = statfsSync(disk);
    writeFileSync(ballast, new Uint8Array((bavail - 8) * bsize));
    const longest = watchLoop(2);
    const pushed = 30_000;
    for (let n = 1; n < pushed; n++) {
      buffer.push(sized(n, 40));
      if (n % 1_000 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await until(() => buffer.troubled);
    assert.ok(buffer.depth().count > 1_000);
    rmSync(ballast);
    await until(() => !buffer.troubled, 10_000);
    await buffer.settled();
    const blockedMs = longest();
    const numbers = await assertAccount(buffer, pushed);
    assert.equal(numbers.at(-1), pushed - 1, "the newest are kept");
    assert.ok((buffer.losses().storage["task.started"] ?? 0) > 0, "memory has its bounds");
    assert.ok(lines.some((line) => /full/.test(line)), lines.join("\n"));
    assert.ok(lines.some((line) => line.includes("takes events again")), lines.join("\n"));
    assert.ok(lines.filter((line) => line.includes("refused a write")).length <= 2);
    assert.ok(blockedMs < LONGEST_BLOCK_MS, `the loop stood still for ${blockedMs} ms`);
    await buffer.close();
  });

  it("push() on a disk that turns read-only keeps and recovers", async () => {
    const path = join(dir, "buffer-1.sqlite");
    const open = await loadSqlite();
    const drivers: SqliteDriver[] = [];
    let readOnly = false;
    // The kernel turns no file system read-only on request while a file is open
    // for writing, so SQLite itself is told to answer as it does on one.
    const sqlite = () =>
      Promise.resolve((file: string) => {
        const driver = open(file);
        if (readOnly) driver.exec("PRAGMA query_only = ON");
        drivers.push(driver);
        return driver;
      });
    const buffer = await openBuffer({ path, logger, random: () => 0, sqlite });
    buffer.push(sized(0));
    await buffer.settled();
    readOnly = true;
    drivers[0]?.exec("PRAGMA query_only = ON");
    const longest = watchLoop(2);
    for (let n = 1; n < 500; n++) buffer.push(sized(n));
    await until(() => buffer.troubled);
    await until(() => drivers.length > 1);
    readOnly = false;
    await until(() => !buffer.troubled, 10_000);
    await buffer.settled();
    const blockedMs = longest();
    assert.equal((await assertAccount(buffer, 500)).length, 500);
    assert.match(lines.join(), /readonly database/);
    assert.ok(blockedMs < LONGEST_BLOCK_MS, `the loop stood still for ${blockedMs} ms`);
    await buffer.close();
  });

  it("openBuffer() on a read-only disk waits in memory, says so, and moves when it can", {
    skip: NO_MOUNT,
  }, async () => {
    const disk = join(dir, "disk");
    assert.ok(mountDisk(disk, 8 * 1024 * 1024));
    remount(disk, "ro");
    const path = join(disk, "buffer-1.sqlite");
    const buffer = await opened(path);
    assert.equal(buffer.capabilities.durable, false);
    assert.equal(lines.filter((line) => line.includes("Events wait in memory")).length, 1);
    for (let n = 0; n < 3_000; n++) buffer.push(sized(n, 100));
    await buffer.settled();
    const [row] = await buffer.read(0, ALL);
    remount(disk, "rw");
    await until(() => buffer.capabilities.durable);
    buffer.removeRange(row?.id ?? 0, row?.id ?? 0);
    buffer.push(sized(3_000));
    await buffer.settled();
    const expected = Array.from({ length: 3_001 }, (_, n) => n);
    const numbers = await readSteadily(buffer);
    assert.deepEqual(numbers.filter((n) => n !== 0), expected.slice(1));
    await buffer.close();
    const again = await opened(path);
    const kept = (await numbersOf(again)).filter((n) => n !== 0);
    assert.deepEqual(kept.sort((a, b) => a - b), expected.slice(1));
    await again.close();
    assert.equal(lines.filter((line) => line.includes("Events wait in memory")).length, 1);
  });

  it("close() counts what memory held when the disk never came", async () => {
    const path = join(dir, "buffer-1.sqlite");
    const buffer = await openBuffer({
      path,
      neighbours: true,
      logger,
      sqlite: () =>
        Promise.resolve(() => {
          throw new Error("disk I/O error");
        }),
    });
    for (let n = 0; n < 7; n++) buffer.push(event(n));
    await buffer.settled();
    assert.equal(buffer.capabilities.durable, false);
    assert.deepEqual(buffer.losses().storage, {});
    await buffer.close();
    assert.deepEqual(buffer.losses().storage, { "task.started": 7 });
    assert.equal(lines.filter((line) => line.includes("lost at the end")).length, 1);
  });

  it("push() goes on when the directory is deleted and comes back", async () => {
    const home = join(dir, "home");
    mkdirSync(home);
    const buffer = await opened(join(home, "buffer-1.sqlite"));
    for (let n = 0; n < 100; n++) buffer.push(sized(n));
    await buffer.settled();
    const longest = watchLoop(2);
    rmSync(home, { recursive: true });
    for (let n = 100; n < 200; n++) buffer.push(sized(n));
    await until(() => buffer.troubled);
    mkdirSync(home);
    await until(() => !buffer.troubled, 10_000);
    await buffer.settled();
    const blockedMs = longest();
    assert.deepEqual(await assertAccount(buffer, 200), Array.from({ length: 200 }, (_, n) => n));
    assert.ok(blockedMs < LONGEST_BLOCK_MS, `the loop stood still for ${blockedMs} ms`);
    // The file is this process's alone again.
    assert.ok(existsSync(join(home, "buffer-1.sqlite-owner")));
    const other = await opened(join(home, "buffer-1.sqlite"));
    assert.notEqual(other.capabilities.path, buffer.capabilities.path);
    await other.close();
    await buffer.close();
    assert.deepEqual(readdirSync(home), ["buffer-1.sqlite"]);
  });

  it("push() waits out a lock that another process holds", async () => {
    const path = join(dir, "buffer-1.sqlite");
    const buffer = await opened(path);
    buffer.push(sized(0));
    await buffer.settled();
    const holder = await holdLock(path);
    const longest = watchLoop(2);
    for (let n = 1; n < 300; n++) buffer.push(sized(n));
    await until(() => buffer.troubled);
    await new Promise((resolve) => setTimeout(resolve, 50));
    holder.kill("SIGKILL");
    await until(() => !buffer.troubled, 10_000);
    await buffer.settled();
    const blockedMs = longest();
    assert.equal((await assertAccount(buffer, 300)).length, 300);
    assert.ok(blockedMs < LONGEST_BLOCK_MS, `the loop stood still for ${blockedMs} ms`);
    await buffer.close();
  });

  it("openBuffer() uses another journal where processes cannot share memory", async () => {
    const path = join(dir, "buffer-1.sqlite");
    const files = { ...await loadFileOps(), sharesMemory: () => false };
    const buffer = await openBuffer({
      path,
      neighbours: true,
      fingerprint: "p",
      logger,
      files: () => Promise.resolve(files),
    });
    buffer.push(event(0));
    await buffer.settled();
    const driver = (await loadSqlite())(path);
    assert.equal(driver.prepare("PRAGMA journal_mode").get()?.["journal_mode"], "delete");
    driver.close();
    assert.ok(lines.some((line) => /journal/.test(line)), `it must say so: ${lines.join()}`);
    await buffer.close();
  });
});

function remount(disk: string, mode: "ro" | "rw"): void {
  execFileSync("mount", ["-o", `remount,${mode}`, disk], { stdio: "pipe" });
}

/** What the buffer holds once nothing moves inside it any more, in order. */
async function readSteadily(buffer: GroupedBuffer): Promise<number[]> {
  let numbers: number[] = [];
  await until(async () => {
    numbers = await numbersOf(buffer);
    return numbers.length >= 3_000;
  });
  return numbers.sort((a, b) => a - b);
}

const LOCKER = fileURLToPath(new URL("../_support/buffer_locker.ts", import.meta.url));

/** A process that holds the write lock of a file until it is killed. */
function holdLock(path: string): Promise<ReturnType<typeof spawn>> {
  const run = "Deno" in globalThis ? ["run", "-A", "--no-check", LOCKER] : [LOCKER];
  const child = spawn(process.execPath, [...run, path], { stdio: ["ignore", "pipe", "inherit"] });
  undo.push(() => child.kill("SIGKILL"));
  return new Promise((resolve, reject) => {
    child.stdout.once("data", () => resolve(child));
    child.on("close", () => reject(new Error("the locker ended")));
  });
}
