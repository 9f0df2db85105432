import { ok } from "node:assert/strict";
import { settingsTable } from "../../../src/settings/table.ts";
import { resolve } from "../../settings/settings_support.ts";
import { createRandom, type Random } from "../random.ts";
import type { FuzzTarget } from "../target.ts";

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

/** Options and variables of any kind at the settings. */
export const settingsTarget: FuzzTarget = {
  name: "settings",
  perBed: Infinity,
  // Symbols, functions and the like have no text: the case is what they are drawn from.
  make: (random) => String(random.below(2 ** 32)),
  open: () =>
    Promise.resolve({
      check: (text: string) => Promise.resolve(check(createRandom(Number(text)))),
      finish: () => Promise.resolve(),
    }),
};

function check(random: Random): string {
  const rows = settingsTable();
  const options: Record<string, unknown> = {};
  const env: Record<string, string> = {};
  for (let count = random.below(4); count >= 0; count--) {
    const row = random.pick(rows);
    if (random.below(2) === 0) options[row.key] = value(random);
    else env[row.env] = text(random);
  }
  const outcome = resolve(options, env);
  const told = [...outcome.warnings, ...(outcome.ok ? [] : outcome.problems)];
  if (!outcome.ok) ok(told.length > outcome.warnings.length, "refused without a problem");
  for (const { code, message } of told) {
    ok(CODES.includes(code), code);
    ok(!message.includes(CANARY) && message.length < 1_000, message);
  }
  return outcome.ok ? "taken" : "refused";
}
