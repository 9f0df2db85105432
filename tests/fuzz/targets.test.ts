import { deepStrictEqual as deepEqual, ok, strictEqual as equal } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { FUZZ } from "./random.ts";
import { replay, runTarget } from "./target.ts";
import { FUZZ_TARGETS } from "./targets/mod.ts";

const SEEDS = new URL("./seeds/", import.meta.url);
// What a run gives to each; `scripts/fuzz --full` tries far more. Frames and settings have
// tests of their own with the whole number.
const SHARES: Readonly<Record<string, number>> = {
  gateway: 1_500,
  long_poll: 1_200,
  rest: 3_000,
  sqlite_rows: 1_000,
  kv_rows: 1_500,
  brain_rows: 150,
};
// An outcome that shows that cases get past the first check.
const DEEP: Readonly<Record<string, string>> = {
  gateway: "signed taken",
  long_poll: "upload 200",
  rest: "POST 202",
  sqlite_rows: "opened",
  kv_rows: "opened after a change of page",
  brain_rows: "tasks",
};

describe("hostile input", () => {
  for (const target of FUZZ_TARGETS) {
    const share = SHARES[target.name];
    if (share === undefined) continue;
    const cases = Math.ceil(share * FUZZ.cases / 20_000);
    it(`${target.name} handles every case of the grammar as it should`, async () => {
      const { failures, outcomes } = await runTarget(target, { cases, seed: FUZZ.seed });
      deepEqual(failures, []);
      const deep = outcomes[DEEP[target.name] ?? ""] ?? 0;
      ok(deep > cases / 50, `only ${deep} got far: ${JSON.stringify(outcomes)}`);
    });
  }
});

describe("inputs that were once handled wrongly", () => {
  for (const file of readdirSync(SEEDS).sort()) {
    it(`${file} is handled as it should`, async () => {
      const seed = JSON.parse(readFileSync(new URL(file, SEEDS), "utf8"));
      const target = FUZZ_TARGETS.find(({ name }) => name === seed.target);
      ok(target !== undefined, `there is no target ${seed.target}`);
      equal(typeof await replay(target, seed.text), "string");
    });
  }
});
