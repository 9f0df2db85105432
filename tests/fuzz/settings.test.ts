import { ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { settingsTable } from "../../src/settings/table.ts";
import { resolve } from "../settings/settings_support.ts";
import { createRandom, FUZZ, type Random } from "./random.ts";

const CANARY = "cAnArY-7f3e";
const CODES = ["missing", "invalid", "insecure", "unreadable", "unknown", "shadowed"];
const SCRAPS = ["", " ", "0", "-1", "1e9", "NaN", "true", "no", "://", "https://", "ws://h", "@"]
  .concat("\u0000", "\ud800", "\n", "{", "[1]", ",", "=", "a=b", "(", "*", "~", "..", "%", "é")
  .concat(CANARY, "9".repeat(400), "x".repeat(5_000), "-----BEGIN CERTIFICATE-----");

function text(random: Random): string {
  return Array.from({ length: random.below(4) }, () => random.pick(SCRAPS)).join("");
}

function value(random: Random): unknown {
  const odd = [
    null,
    undefined,
    true,
    0,
    -0,
    NaN,
    Infinity,
    1.5,
    2 ** 53,
    10n,
    Symbol("s"),
    () => 1,
  ];
  const shape = random.below(5);
  if (shape < 3) return text(random);
  if (shape === 3) return random.pick<unknown>(odd);
  return random.pick<unknown>([[text(random)], { [text(random)]: text(random) }, new Map()]);
}

describe("hostile settings", () => {
  it("resolveSettings() answers its union and never a value when options and variables are any", () => {
    const rows = settingsTable();
    for (let n = 0; n < FUZZ.cases; n++) {
      const random = createRandom(FUZZ.seed * 1_000_037 + n);
      const options: Record<string, unknown> = {};
      const env: Record<string, string> = {};
      for (let count = random.below(4); count >= 0; count--) {
        const row = random.pick(rows);
        if (random.below(2) === 0) options[row.key] = value(random);
        else env[row.env] = text(random);
      }
      const outcome = resolve(options, env);
      const label = `Z4J_FUZZ_SEED=${FUZZ.seed} case ${n}`;
      const told = [...outcome.warnings, ...(outcome.ok ? [] : outcome.problems)];
      if (!outcome.ok) ok(told.length > outcome.warnings.length, label);
      for (const { code, message } of told) {
        ok(CODES.includes(code), `${label}: ${code}`);
        ok(!message.includes(CANARY) && message.length < 1_000, `${label}: ${message}`);
      }
    }
  });
});
