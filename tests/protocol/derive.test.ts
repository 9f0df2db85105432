import { equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { deriveProjectSecret } from "../../src/protocol/derive.ts";
import { groupableStack } from "../../src/protocol/stack_text.ts";

describe("deriveProjectSecret()", () => {
  it("refuses a project id that is no dashed UUID, and a master that is too short", () => {
    const id = "00000000-0000-4000-8000-000000000000";
    const master = new Uint8Array(32);
    for (const text of ["", id.replaceAll("-", ""), `{${id}}`, id.replace("4", "g")]) {
      throws(() => void deriveProjectSecret(master, text), TypeError, text);
    }
    throws(() => void deriveProjectSecret(new Uint8Array(31), id), { code: "Z4J_SECRET_INVALID" });
  });
});

describe("groupableStack()", () => {
  it("repeats the twenty innermost frames at most", () => {
    const lines = Array.from({ length: 25 }, (_, i) => `    at f${i} (/app/a.ts:${i + 1}:1)`);
    const frames = groupableStack(["Error: x", ...lines].join("\n"))
      .split("\n").filter((line) => line.startsWith("  File "));
    equal(frames.length, 20);
    equal(frames[0], '  File "/app/a.ts", line 20, in f19');
    equal(frames.at(-1), '  File "/app/a.ts", line 1, in f0');
  });
});
