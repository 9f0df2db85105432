import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type DenoGlobal, posixDeno } from "../../src/platform/deno_global.ts";
import { denoFiles } from "../../src/platform/fs_deno.ts";

describe("posixDeno()", () => {
  it("is there on Deno alone, and not on Windows", () => {
    const on = (os: string): object => ({ Deno: { version: { v8: "1" }, build: { os } } });
    assert.equal(posixDeno({}), null);
    assert.equal(posixDeno({ Deno: { build: { os: "linux" } }, Bun: {} }), null);
    assert.equal(posixDeno(on("windows")), null);
    assert.notEqual(posixDeno(on("linux")), null);
  });
});

describe("denoFiles()", () => {
  it("knows no time of a file where the file system has none", () => {
    const deno = { statSync: () => ({ mtime: null }) } as unknown as DenoGlobal;
    assert.equal(denoFiles(deno).modifiedAt("x"), null);
  });
});
