import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { spawn } from "node:child_process";
import { afterEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { openBuffer } from "../../src/buffer/open.ts";
import type { FakeBrain } from "../../src/testing/fake_brain.ts";
import { SECRET, startTestBrain, TOKEN, until } from "../_support/agent_rig.ts";

const CHILD = fileURLToPath(new URL("../_support/stop_agent_child.ts", import.meta.url));
const FLAGS = "Deno" in globalThis ? ["run", "-A", "--no-check"] : [];
const SECRET_TEXT = btoa(String.fromCharCode(...SECRET)).replaceAll("+", "-").replaceAll("/", "_");

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Host {
  readonly home: string;
  output(): string;
  kill(signal: "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGKILL"): void;
  /** Exit status; 128 plus its number after a signal. */
  ended(): Promise<number>;
}

function startHost(mode: string, url: string): Host {
  const home = mkdtempSync(join(tmpdir(), "z4j-stop-"));
  cleanups.push(() => rmSync(home, { recursive: true, force: true }));
  const child = spawn(process.execPath, [...FLAGS, CHILD, mode, url, home, TOKEN, SECRET_TEXT], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let end: number | undefined;
  child.stdout.on("data", (chunk) => output += String(chunk));
  child.stderr.on("data", (chunk) => output += String(chunk));
  child.on("exit", (code, signal) => {
    end = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  });
  const { pid } = child;
  assert.ok(pid);
  cleanups.push(() => end === undefined && process.kill(pid, "SIGKILL"));
  return {
    home,
    output: () => output,
    kill: (signal) => void process.kill(pid, signal),
    async ended() {
      await until("end of the host", () => end !== undefined, 15_000);
      return end ?? -1;
    },
  };
}

async function testBrain(): Promise<FakeBrain> {
  const brain = await startTestBrain();
  cleanups.push(() => brain.close());
  return brain;
}

/** Events in the buffer files of a host that has ended. */
async function onDisk(home: string): Promise<number> {
  const files = readdirSync(home, { recursive: true })
    .map(String).filter((name) => name.endsWith(".sqlite"));
  let count = 0;
  for (const file of files) {
    const buffer = await openBuffer({ path: join(home, file) });
    count += (await buffer.read(0, { maxCount: 1e6, maxBytes: 1e9 })).length;
    await buffer.close();
  }
  return count;
}

const NOBODY = "http://127.0.0.1:1";

describe("a host that stops", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`by ${signal} delivers what waits and ends by that signal`, async () => {
      const brain = await testBrain();
      brain.faults.ackDelayMs = 40;
      const host = startHost("sends", brain.url);
      await until("recorded", () => host.output().includes("recorded"), 15_000);
      host.kill(signal);
      assert.equal(await host.ended(), 128 + constants.signals[signal]);
      assert.equal(brain.stored.size, 50);
      assert.equal(await onDisk(host.home), 0);
    });
  }

  it("by SIGTERM waits 2 s at most for a brain that does not acknowledge", async () => {
    const brain = await testBrain();
    const host = startHost("sends", brain.url);
    await until("connected", () => brain.frames.length > 0, 15_000);
    brain.faults.acksPerBatch = 0;
    await until("recorded", () => host.output().includes("recorded"), 15_000);
    const begun = performance.now();
    host.kill("SIGTERM");
    assert.equal(await host.ended(), 143);
    const took = performance.now() - begun;
    assert.ok(took > 1500 && took < 3500, `${took} ms`);
    assert.equal(await onDisk(host.home), 50);
  });

  it("by SIGTERM leaves the end to a host with a handler of its own", async () => {
    const brain = await testBrain();
    const host = startHost("host", brain.url);
    await until("recorded", () => host.output().includes("recorded"), 15_000);
    host.kill("SIGTERM");
    assert.equal(await host.ended(), 7);
    assert.match(host.output(), /host/);
    assert.match(host.output(), /state stopped/);
    assert.equal(brain.stored.size, 50);
  });

  it("by SIGTERM without a brain ends at once and keeps everything", async () => {
    const host = startHost("waits", NOBODY);
    await until("recorded", () => host.output().includes("recorded"), 15_000);
    await until("waiting", () => host.output().includes("state waiting"), 15_000);
    const begun = performance.now();
    host.kill("SIGTERM");
    assert.equal(await host.ended(), 143);
    assert.ok(performance.now() - begun < 2800);
    assert.equal(await onDisk(host.home), 50);
  });

  it("by having nothing left to do ends by itself and keeps everything", async () => {
    const host = startHost("leaves", NOBODY);
    assert.equal(await host.ended(), 0);
    assert.equal(await onDisk(host.home), 50);
  });

  for (const mode of ["throws", "rejects", "exits"]) {
    it(`because it ${mode} loses nothing that was recorded 25 ms before`, async () => {
      const host = startHost(mode, NOBODY);
      const status = await host.ended();
      assert.equal(status, mode === "exits" ? 3 : 1);
      assert.equal(await onDisk(host.home), 50);
    });
  }

  it("by SIGKILL loses nothing that was recorded 25 ms before", async () => {
    const host = startHost("waits", NOBODY);
    await until("recorded", () => host.output().includes("recorded"), 15_000);
    host.kill("SIGKILL");
    assert.equal(await host.ended(), 137);
    assert.equal(await onDisk(host.home), 50);
  });

  it("SIGHUP does not stop it but makes it dial at once", async () => {
    const brain = await testBrain();
    brain.faults.refuseWith = 4401;
    const host = startHost("waits", brain.url);
    await until("refused", () => host.output().includes("state waiting"), 15_000);
    brain.faults.refuseWith = null;
    const begun = performance.now();
    host.kill("SIGHUP");
    await until("connected", () => brain.stored.size === 50, 4000);
    assert.ok(performance.now() - begun < 4000, "the wait for a wrong token is 5 s at least");
    host.kill("SIGTERM");
    assert.equal(await host.ended(), 143);
  });
});
