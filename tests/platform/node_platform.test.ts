import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { detectRuntime } from "../../src/platform/detect.ts";
import { createPlatform } from "../../src/platform/node.ts";
import { runChild, withTempDir } from "./platform_support.ts";

const platform = createPlatform();
const isRoot = process.getuid?.() === 0;
const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("createPlatform()", () => {
  it("createPlatform() tells the facts of this process", () => {
    assert.equal(platform.runtime, detectRuntime());
    assert.equal(platform.runtimeVersion, process.versions[platform.runtime]);
    assert.equal(platform.pid, process.pid);
    assert.equal(platform.hostname, hostname());
    assert.equal(platform.homeDir(), homedir());
    assert.equal(platform.userId(), String(userInfo().uid));
    assert.equal(platform.env().PATH, process.env.PATH);
  });

  it("detectRuntime() goes by what the globals offer", () => {
    assert.equal(detectRuntime({ Deno: { version: { v8: "1" } } }), "deno");
    assert.equal(detectRuntime({ Bun: {} }), "bun");
    assert.equal(detectRuntime({ Deno: {} }), "node");
    assert.equal(detectRuntime({}), "node");
  });

  it("readTextFile() trims small files and throws for others", () =>
    withTempDir((dir) => {
      writeFileSync(join(dir, "secret"), " abc\n");
      writeFileSync(join(dir, "large"), "x".repeat(64 * 1024 + 1));
      assert.equal(platform.readTextFile(join(dir, "secret")), "abc");
      assert.throws(() => platform.readTextFile(join(dir, "large")));
      assert.throws(() => platform.readTextFile(dir));
      assert.throws(() => platform.readTextFile(join(dir, "none")));
      assert.throws(() => platform.readTextFile("/dev/zero"));
    }));
});

describe("realPath()", () => {
  it("realPath() resolves home, dots and links, also below what does not exist", () =>
    withTempDir((dir) => {
      mkdirSync(join(dir, "real"));
      symlinkSync(join(dir, "real"), join(dir, "link"));
      symlinkSync("real/later.sqlite", join(dir, "dangling"));
      assert.equal(platform.realPath(join(dir, "link/a/b")), join(dir, "real/a/b"));
      assert.equal(platform.realPath(`${dir}/real/../link/c`), join(dir, "real/c"));
      assert.equal(platform.realPath(join(dir, "dangling")), join(dir, "real/later.sqlite"));
      assert.equal(
        platform.realPath("~/no-such/z4j"),
        platform.realPath(join(homedir(), "no-such/z4j")),
      );
    }));

  it("realPath() throws when links lead in a circle", () =>
    withTempDir((dir) => {
      symlinkSync(join(dir, "b"), join(dir, "a"));
      symlinkSync(join(dir, "a"), join(dir, "b"));
      assert.throws(() => platform.realPath(join(dir, "a/file")), /loop of links/);
    }));
});

describe("ensurePrivateDir()", () => {
  it("ensurePrivateDir() creates a directory with mode 0700 and leaves nothing in it", () =>
    withTempDir((dir) => {
      const path = join(dir, "a/b");
      assert.deepEqual(platform.ensurePrivateDir(path), { kind: "usable", path });
      assert.equal(modeOf(path), 0o700);
      assert.deepEqual(readdirSync(path), []);
    }));

  it("ensurePrivateDir() tightens a directory of ours that others may read", () =>
    withTempDir((dir) => {
      chmodSync(dir, 0o755);
      assert.equal(platform.ensurePrivateDir(dir).kind, "usable");
      assert.equal(modeOf(dir), 0o700);
    }));

  it("ensurePrivateDir() keeps the mode of a configured directory", () =>
    withTempDir((dir) => {
      chmodSync(dir, 0o770);
      assert.equal(platform.ensurePrivateDir(dir, "configured").kind, "usable");
      assert.equal(modeOf(dir), 0o770);
      assert.equal(platform.ensurePrivateDir(dir, "ours").kind, "unusable");
    }));

  it("ensurePrivateDir() refuses what everybody may write to", () =>
    withTempDir((dir) => {
      chmodSync(dir, 0o777);
      for (const trust of ["ours", "configured"] as const) {
        const state = platform.ensurePrivateDir(dir, trust);
        assert.equal(state.kind === "unusable" && state.reason, "other users may write to it");
      }
    }));

  it("ensurePrivateDir() refuses a link, a file and what lies under a file", () =>
    withTempDir((dir) => {
      mkdirSync(join(dir, "real"));
      symlinkSync(join(dir, "real"), join(dir, "link"));
      writeFileSync(join(dir, "file"), "");
      for (const name of ["link", "file", "file/below"]) {
        assert.equal(platform.ensurePrivateDir(join(dir, name)).kind, "unusable", name);
      }
      assert.equal(platform.ensurePrivateDir("/proc/z4j").kind, "unusable");
    }));

  it(
    "ensurePrivateDir() refuses a directory of another user",
    { skip: !isRoot },
    () =>
      withTempDir((dir) => {
        const path = join(dir, "foreign");
        mkdirSync(path, { mode: 0o700 });
        chownSync(path, 12345, 12345);
        const state = platform.ensurePrivateDir(path);
        assert.equal(state.kind === "unusable" && state.reason, "it belongs to another user");
        assert.equal(platform.ensurePrivateDir(path, "configured").kind, "usable");
      }),
  );
});

// Without any grant Deno's node:child_process hands all permissions down.
const USELESS_GRANT = ["--allow-net=127.0.0.1:9"];
const onDeno = detectRuntime() === "deno";

// Only Deno has permissions.
(onDeno ? describe : () => {})("createPlatform() with few permissions", () => {
  const facts = async (
    dir: string,
    denoFlags: readonly string[],
  ): Promise<Record<string, unknown>> => {
    const end = await runChild({
      script: "./facts_child.ts",
      args: [dir],
      denoFlags,
      env: { Z4J_TEST_FACT: "fact", Z4J_TEST_OTHER: "other" },
    });
    assert.equal(end.code, 0, end.output);
    return JSON.parse(end.output) as Record<string, unknown>;
  };

  it("createPlatform() degrades and never fails when nothing is granted", () =>
    withTempDir(async (dir) => {
      writeFileSync(join(dir, "secret"), "abc");
      const { version, ...rest } = await facts(dir, USELESS_GRANT);
      assert.equal(typeof version, "string");
      assert.deepEqual(rest, {
        runtime: "deno",
        hostname: "unknown-host",
        env: {},
        home: null,
        temp: "/tmp",
        user: "user",
        file: "Error",
        real: join(dir, "y"),
        directory: {
          kind: "unusable",
          path: join(dir, "state"),
          reason: "no --allow-read permission",
        },
      });
    }));

  it("createPlatform() reads single variables and files when only they are granted", () =>
    withTempDir(async (dir) => {
      writeFileSync(join(dir, "secret"), "abc");
      const flags = [
        "--allow-env=Z4J_TEST_FACT,HOME",
        `--allow-read=${dir}`,
        `--allow-write=${dir}`,
      ];
      const told = await facts(dir, flags);
      assert.deepEqual(told.env, { Z4J_TEST_FACT: "fact" });
      assert.equal(told.home, process.env.HOME);
      assert.equal(told.file, "abc");
      assert.deepEqual(told.directory, { kind: "usable", path: join(dir, "state") });
    }));
});
