import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { describeSettings } from "../../src/settings/describe.ts";
import { resolveSettings } from "../../src/settings/resolve.ts";
import { settingsError } from "../../src/settings/problem.ts";
import { SETTING_KEYS, settingsTable } from "../../src/settings/table.ts";
import { fakePlatform, REQUIRED_OPTIONS, resolve, settingsOf } from "./settings_support.ts";

const CANARY = "cAnArY-7f3e";

function assertClean(value: unknown, label: string): void {
  const texts = [JSON.stringify(value), inspect(value, { depth: 9 })];
  for (const text of texts) assert.ok(!text.toLowerCase().includes(CANARY.toLowerCase()), label);
}

describe("secrets in settings", () => {
  it("describeSettings() masks every secret and shows the rest with its source", () => {
    const settings = settingsOf(resolve({ token: CANARY, hmacSecret: `${CANARY}x` }));
    const described = describeSettings(settings);
    assertClean(described, "dump");
    assert.deepEqual(described.token, { value: "[set]", source: "option", from: "token" });
    assert.deepEqual(described.environment, {
      value: "production",
      source: "default",
      from: null,
    });
    assert.deepEqual(Object.keys(described), SETTING_KEYS);
  });

  it("resolveSettings() shows no value when it refuses any setting", () => {
    for (const { key, env, option } of settingsTable()) {
      const [group = key, member] = option.split(".");
      const optionOf = (value: unknown): Record<string, unknown> => ({
        [group]: member === undefined ? value : { [member]: value },
      });
      const bad = `${CANARY} \u0000 @?#(`.padEnd(300, "x");
      for (const outcome of [resolve(optionOf(bad)), resolve({}, { [env]: bad })]) {
        assert.ok(!outcome.ok, key);
        assertClean(outcome, key);
        assertClean(settingsError(outcome.problems), key);
        assertClean(settingsError(outcome.problems).message, key);
      }
      for (const wrong of [[CANARY, 1], { [CANARY]: 1 }]) {
        assertClean(resolve(optionOf(wrong)), key);
      }
    }
  });

  it("resolveSettings() shows no value of an unknown option or variable", () => {
    const outcome = resolve({ tokn: CANARY, hmac_secret: CANARY }, { Z4J_TOKNE: CANARY });
    assert.ok(!outcome.ok);
    assert.equal(outcome.warnings.length, 1);
    assertClean(outcome, "misspelt");
  });

  it("resolveSettings() shows no part of a refused URL", () => {
    const urls = [
      `https://${CANARY}@a.example`,
      `https://u:${CANARY}@a.example`,
      `https://a.example/?key=${CANARY}`,
      `https://a.example/#${CANARY}`,
      `http://${CANARY}.example`,
      `${CANARY}`,
    ];
    for (const brainUrl of urls) {
      const outcome = resolve({ brainUrl });
      assert.ok(!outcome.ok, brainUrl);
      assertClean(outcome, brainUrl);
    }
  });

  it("resolveSettings() drops the text of a check that quotes the secret", () => {
    const validateSecret = (text: string): string => `bad secret ${text}`;
    assertClean(resolve({ hmacSecret: CANARY }, {}, { validateSecret }), "check");
  });

  it("resolveSettings() shows neither path nor content of a secret file", () => {
    const env = { Z4J_TOKEN_FILE: `/run/${CANARY}`, Z4J_HMAC_SECRET_FILE: "/run/b" };
    const platform = fakePlatform(env, {
      readTextFile: (path) => {
        if (path === "/run/b") return `${CANARY} with a space`;
        throw new Error(`ENOENT ${path}`);
      },
    });
    const outcome = resolveSettings(REQUIRED_OPTIONS, platform);
    assert.ok(!outcome.ok);
    assert.equal(outcome.problems.length, 2);
    assertClean(outcome, "file");
  });

  it("settingsError() carries every message and the problems as data", () => {
    const outcome = resolve({ bufferMaxEvents: 1, maxPayloadBytes: 1 });
    assert.ok(!outcome.ok);
    const error = settingsError(outcome.problems);
    assert.equal(error.code, "Z4J_SETTINGS_INVALID");
    assert.match(error.message, /bufferMaxEvents.*maxPayloadBytes/);
    assert.deepEqual(error.details.problems, outcome.problems);
  });
});
