import assert from "node:assert/strict";
import { symlinkSync, writeFileSync } from "node:fs";
import { homedir, hostname, tmpdir } from "node:os";
import { join, posix } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { posixDeno } from "../../../src/platform/deno_global.ts";
import { posixPaths } from "../../../src/platform/posix_paths.ts";
import { codeOf } from "../../../src/platform/real_path.ts";
import { denoSystem } from "../../../src/platform/system_deno.ts";
import { nodeSystem } from "../../../src/platform/system_node.ts";
import { type ChildEnd, runChild, withTempDir } from "../../platform/platform_support.ts";

const deno = posixDeno();
assert.ok(deno !== null);
const [own, node] = [denoSystem(deno), nodeSystem()];

/** The answer, or the code of the failure. */
function outcome(ask: () => unknown): unknown {
  try {
    return ask();
  } catch (error) {
    return codeOf(error);
  }
}

function child(mode: string, env: Readonly<Record<string, string>> = {}): Promise<ChildEnd> {
  return runChild({
    script: "../runtime/deno/own_system_child.ts",
    args: [mode],
    env: { NO_COLOR: "1", NODE_TEST_CONTEXT: "", ...env },
  });
}

/** Settings of an agent whose brain is not there. */
function settings(home: string, store = "sqlite"): Readonly<Record<string, string>> {
  return {
    Z4J_BRAIN_URL: "http://127.0.0.1:9",
    Z4J_TOKEN: "z4j_agent_start",
    Z4J_PROJECT_ID: "start",
    Z4J_HMAC_SECRET: "A".repeat(43),
    Z4J_DEV_MODE: "1",
    Z4J_HOME: home,
    Z4J_BUFFER_STORE: store,
  };
}

describe("denoSystem()", () => {
  it("tells what node: tells", () => {
    assert.equal(own.pid, process.pid);
    assert.equal(own.version, node.version);
    assert.equal(own.isWindows, node.isWindows);
    assert.equal(own.hostname(), hostname());
    assert.equal(own.homeDir(), homedir());
    assert.equal(own.tempDir(), tmpdir());
    assert.equal(own.userId(), node.userId());
    assert.equal(own.mainPath(), node.mainPath());
    assert.deepEqual(own.args(), node.args());
    assert.equal(own.getEnv("PATH"), node.getEnv("PATH"));
    assert.deepEqual({ ...own.environment() }, { ...node.environment() });
  });

  it("knows files as node:fs knows them, the codes of failures too", () =>
    withTempDir((dir) => {
      const at = (name: string): string => join(dir, name);
      writeFileSync(at("file"), "text", { mode: 0o640 });
      symlinkSync("file", at("link"));
      symlinkSync("nowhere", at("dangling"));
      symlinkSync("loop", at("loop"));
      const names = ["file", "link", "dangling", "loop", "none", ".", "file/below"];
      for (const call of ["stat", "lstat", "exists", "readText", "readLink", "realPath"] as const) {
        for (const name of names) {
          const [found, expected] = [own, node].map(({ files }) =>
            outcome(() => files[call](at(name)))
          );
          // A directory is no text, however that is said.
          if (call === "readText" && name === ".") continue;
          assert.deepEqual(found, expected, `${call} ${name}`);
        }
      }
    }));

  it("makes files and directories as node:fs makes them", () =>
    withTempDir((dir) => {
      const traces = [own, node].map(({ files }, n) => {
        const at = (name: string): string => join(dir, `${n}-${name}`);
        const steps = [
          () => files.makeDirectory(at("folder"), 0o700),
          () => files.makeDirectory(at("folder"), 0o700),
          () => files.makeDirectory(at("none/below"), 0o700),
          () => files.create(at("file"), 0o600),
          () => files.create(at("file"), 0o600),
          () => files.setMode(at("file"), 0o640),
          () => files.setMode(at("none"), 0o640),
          () => files.stat(at("file")).mode & 0o777,
          () => files.stat(at("folder")).mode & 0o777,
          () => files.remove(at("file")),
          () => files.remove(at("file")),
        ];
        return steps.map((step) => outcome(step) ?? null);
      });
      assert.deepEqual(traces[0], traces[1]);
    }));
});

describe("denoFiles()", () => {
  it("does for the buffer what node:fs does", () =>
    withTempDir((dir) => {
      const ops = [own.files, node.files];
      const traces = ops.map((fs, n) => {
        const at = (name: string): string => join(dir, `${n}-${name}`);
        const time = new Date(1_700_000_000_123);
        const steps = [
          () => fs.create(at("file"), 0o600),
          () => fs.create(at("file"), 0o600),
          () => symlinkSync("nowhere", at("link")),
          () => fs.create(at("link"), 0o600),
          () => fs.lstat(at("link")).isFile,
          () => fs.lstat(at("file")).isFile,
          () => fs.lstat(at("none")).isFile,
          () => fs.exists(at("link")),
          () => fs.setMode(at("none"), 0o600),
          () => fs.setTimes(at("none"), time),
          () => fs.setTimes(at("file"), time),
          () => fs.modifiedAt(at("file")),
          () => fs.modifiedAt(at("none")),
          () => fs.identity(at("none")),
          () => fs.rename(at("none"), at("other")),
          () => fs.rename(at("file"), at("other")),
          () => fs.readText(at("other")),
          () =>
            fs.list(dir).filter((name) => name.startsWith(`${n}-`)).sort().map((x) => x.slice(2)),
          () => fs.list(at("none")),
          () => fs.remove(at("link")),
          () => fs.remove(at("none")),
        ];
        return steps.map((step) => outcome(step) ?? null);
      });
      assert.deepEqual(traces[0], traces[1]);
      const [mine, theirs] = ops.map((fs) => fs.identity(join(dir, "0-other")));
      assert.equal(mine, theirs);
    }));
});

describe("posixPaths()", () => {
  it("joins, resolves and takes apart as node:path does", () => {
    const paths = posixPaths(() => process.cwd());
    const texts = [
      "/",
      "/a",
      "/a/b",
      "/a//b/",
      "a",
      "a/b/",
      ".",
      "..",
      "./a/../b",
      "/../a",
      "",
      "~",
    ];
    for (const a of texts) {
      if (!a.includes("//")) assert.equal(paths.dirname(a), posix.dirname(a), `dirname ${a}`);
      assert.equal(paths.basename(a), posix.basename(a), `basename ${a}`);
      assert.equal(paths.resolve(a), posix.resolve(a), `resolve ${a}`);
      for (const b of texts) {
        assert.equal(paths.resolve(a, b), posix.resolve(a, b), `resolve ${a} ${b}`);
        const plain = posix.join("/root", a, b).replace(/(.)\/$/, "$1");
        assert.equal(paths.join("/root", a, b), plain, `join ${a} ${b}`);
      }
    }
  });
});

describe("a host that is written for Deno alone", () => {
  for (const store of ["memory", "sqlite"]) {
    it(`starts its agent without the modules of Node, buffer: ${store}`, () =>
      withTempDir(async (dir) => {
        const end = await child("start", settings(dir, store));
        assert.match(end.output, /started \w+ false/);
      }));
  }

  it("is asked at its end, again after each work, and not once that is removed", async () => {
    const end = await child("idle-end");
    assert.equal(end.output.trim().replaceAll("\n", ", "), "loaded false, ours 1, worked, ours 2");
    assert.equal((await child("idle-end-removed")).output.trim(), "removed");
  });

  it("hears SIGHUP until it does not want to", async () => {
    const end = await child("hangup");
    assert.equal(end.output.trim().replaceAll("\n", ", "), "ours, loaded false");
    assert.ok(end.signal === "SIGHUP" || end.code === 129, JSON.stringify(end));
  });

  it("loses the agent in the primary when it forks, although it read node:cluster late", () =>
    withTempDir(async (dir) => {
      const end = await child("late-cluster", settings(dir));
      assert.match(end.output, /loaded false/);
      assert.match(end.output, /rule cluster-primary/);
      assert.match(end.output, /stopped in the primary/);
    }));
});
