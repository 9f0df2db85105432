import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runScript } from "../_support/child.ts";

describe("scripts/demo.ts", () => {
  it("ends with 0 and an account that has every kind of outcome", async () => {
    const runtime = "Deno" in globalThis ? "deno" : "bun";
    const demo = runScript("scripts/demo.ts", { args: ["--runtime", runtime, "--seconds", "6"] });
    assert.equal(await demo.ended(40_000), 0, demo.output());
    const last = demo.output().trim().split("\n").at(-1) ?? "";
    const account = JSON.parse(last) as {
      readonly tasks: Readonly<Record<string, number>>;
      readonly retries: number;
      readonly schedule_runs: number;
      readonly agents: readonly { readonly name: string; readonly state: string }[];
    };
    assert.ok((account.tasks["success"] ?? 0) > 0);
    assert.ok((account.tasks["failure"] ?? 0) > 0);
    assert.ok(account.retries > 0);
    assert.ok(account.schedule_runs > 0);
    assert.deepEqual(account.agents.map(({ name }) => name), ["demo-app"]);
  });
});
