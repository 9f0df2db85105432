import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { openBuffer } from "../../src/buffer/open.ts";
import { tempDir } from "../_support/buffer_files.ts";

const CHILD = fileURLToPath(new URL("../_support/buffer_child.ts", import.meta.url));
const RUN = "Deno" in globalThis ? ["run", "-A", "--no-check", CHILD] : [CHILD];

/** Runs the child until it reported `enough` events, kills it, answers the last report. */
function killedAfter(path: string, durability: string, enough: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...RUN, path, durability], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    const deadline = setTimeout(() => child.kill("SIGKILL"), 20_000);
    child.stdout.on("data", (chunk: Uint8Array) => {
      output += new TextDecoder().decode(chunk);
      if (reported(output) >= enough) child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("close", () => {
      clearTimeout(deadline);
      resolve(reported(output));
    });
  });
}

function reported(output: string): number {
  const complete = output.slice(0, output.lastIndexOf("\n") + 1);
  return Number(complete.trimEnd().split("\n").at(-1) ?? 0);
}

async function check(durability: string): Promise<void> {
  const { dir, remove } = tempDir();
  try {
    for (const [round, enough] of [1, 60, 700].entries()) {
      const path = join(dir, `buffer-${round}.sqlite`);
      const settled = await killedAfter(path, durability, enough);
      assert.ok(settled >= enough, `the child reported only ${settled}`);
      const buffer = await openBuffer({ path });
      const rows = await buffer.read(0, { maxCount: 1e6, maxBytes: 1e9 });
      assert.ok(rows.length >= settled, `${settled} were settled, ${rows.length} are there`);
      rows.forEach(({ text }, n) => assert.equal(text, JSON.stringify({ n })));
      await buffer.close();
    }
  } finally {
    remove();
  }
}

describe("openBuffer() after SIGKILL", () => {
  it("settled() loses nothing that it reported", () => check("group"));
  it("push() with durability sync loses nothing that it took", () => check("sync"));
});
