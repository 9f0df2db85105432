import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { SETTING_KEYS, settingsTable } from "../../src/settings/table.ts";
import { AGENT_ENV_NAMES } from "../../src/settings/known_env.ts";
import { nearestName } from "../../src/settings/nearest.ts";
import { problemsOf, REQUIRED_OPTIONS, resolve, settingsOf } from "./settings_support.ts";

describe("settings bounds", () => {
  it("resolveSettings() takes every number at its bounds and refuses the next one", () => {
    for (const row of settingsTable().filter((one) => one.kind === "integer")) {
      const min = row.min ?? NaN;
      assert.ok(resolve({ [row.key]: min }).ok, row.key);
      assert.ok(resolve({}, { [row.env]: String(min) }).ok, row.env);
      assert.equal(problemsOf(resolve({ [row.key]: min - 1 }))[0]?.name, row.key);
      assert.equal(problemsOf(resolve({}, { [row.env]: String(min - 1) }))[0]?.name, row.env);
      for (const wrong of [min + 0.5, NaN, Infinity, "10", true, [], {}]) {
        assert.ok(!resolve({ [row.key]: wrong }).ok, `${row.key} ${String(wrong)}`);
      }
      for (const wrong of ["0x10", "1e9", "ten", "1.5", "1_000", "99999999999999999999"]) {
        assert.ok(!resolve({}, { [row.env]: wrong }).ok, `${row.env} ${wrong}`);
      }
      if (row.max === null) continue;
      assert.ok(resolve({ [row.key]: row.max }).ok);
      assert.ok(!resolve({ [row.key]: row.max + 1 }).ok);
    }
  });

  it("settingsTable() states the bounds of the reference agent", () => {
    const bounds = Object.fromEntries(settingsTable().map((row) => [row.key, [row.min, row.max]]));
    assert.deepEqual(bounds.bufferMaxEvents, [1000, null]);
    assert.deepEqual(bounds.bufferMaxBytes, [1_048_576, null]);
    assert.deepEqual(bounds.heartbeatSeconds, [1, 300]);
    assert.deepEqual(bounds.maxPayloadBytes, [128, null]);
    assert.deepEqual(bounds.purgeThreshold, [0, null]);
    assert.deepEqual(bounds.projectId, [1, 63]);
    assert.deepEqual(bounds.agentName, [1, 64]);
    assert.deepEqual(bounds.environment, [1, 40]);
    assert.deepEqual(bounds.workerRole, [1, 32]);
  });

  it("resolveSettings() counts the characters of every text", () => {
    for (const row of settingsTable().filter((one) => one.kind === "text" && !one.secret)) {
      const max = row.max ?? NaN;
      assert.ok(resolve({ [row.key]: "é".repeat(max) }).ok, row.key);
      assert.ok(resolve({ [row.key]: "😀".repeat(max) }).ok, row.key);
      assert.ok(!resolve({ [row.key]: "x".repeat(max + 1) }).ok, row.key);
      assert.ok(!resolve({}, { [row.env]: "x".repeat(max + 1) }).ok, row.env);
      assert.ok(!resolve({ [row.key]: "a\u001bb" }).ok, row.key);
      assert.ok(!resolve({ [row.key]: 5 }).ok, row.key);
    }
  });

  it("resolveSettings() reads every flag by its words and refuses others", () => {
    for (const row of settingsTable().filter((one) => one.kind === "boolean")) {
      const read = (word: string): unknown => settingsOf(resolve({}, { [row.env]: word }))[row.key];
      for (const word of ["1", "true", "YES", " On "]) assert.equal(read(word), true, row.key);
      for (const word of ["0", "False", "no", "OFF"]) assert.equal(read(word), false, row.key);
      for (const word of ["maybe", "2", "constructor", "t"]) {
        assert.equal(problemsOf(resolve({}, { [row.env]: word }))[0]?.name, row.env);
      }
      assert.ok(!resolve({ [row.key]: "true" }).ok);
    }
  });

  it("resolveSettings() reads every choice and refuses other words", () => {
    for (const row of settingsTable().filter((one) => one.kind === "choice")) {
      for (const word of row.choices ?? []) {
        assert.equal(settingsOf(resolve({ [row.key]: word }))[row.key], word);
        assert.equal(settingsOf(resolve({}, { [row.env]: word.toUpperCase() }))[row.key], word);
      }
      assert.ok(!resolve({ [row.key]: "toString" }).ok);
      assert.ok(!resolve({}, { [row.env]: "toString" }).ok);
    }
    assert.equal(settingsOf(resolve({}, { Z4J_LOG_LEVEL: "CRITICAL" })).logLevel, "error");
  });

  it("resolveSettings() refuses secrets that a header cannot carry", () => {
    for (const wrong of ["a b", "a\nb", "é", "a\u0000b"]) assert.ok(!resolve({ token: wrong }).ok);
  });
});

describe("settings lists", () => {
  const patterns = (text: string): readonly string[] =>
    settingsOf(resolve({}, { Z4J_REDACTION_EXTRA_KEY_PATTERNS: text })).redactionExtraKeyPatterns;

  it("resolveSettings() splits patterns at commas outside of braces and brackets", () => {
    assert.deepEqual(patterns("a{1,3}, b[,;]c ,(x,y)|z"), ["a{1,3}", "b[,;]c", "(x,y)|z"]);
    assert.deepEqual(patterns("a\\{1,b"), ["a\\{1", "b"]);
    assert.deepEqual(patterns("[a-z]+,foo"), ["[a-z]+", "foo"]);
    assert.deepEqual(patterns(",a,,"), ["a"]);
  });

  it("resolveSettings() reads patterns from a JSON array", () => {
    assert.deepEqual(patterns('["a{1,3}", "b,c"]'), ["a{1,3}", "b,c"]);
  });

  it("resolveSettings() reports the entry that is not a regular expression", () => {
    const [problem] = problemsOf(resolve({ redactionExtraValuePatterns: ["ok", "("] }));
    assert.match(problem?.message ?? "", /entry 2/);
    assert.ok(!resolve({ redactionExtraValuePatterns: "a" }).ok);
    assert.ok(!resolve({ redactionExtraValuePatterns: [1] }).ok);
  });

  it("resolveSettings() reads tags as pairs and as JSON", () => {
    const tags = (text: string): unknown => settingsOf(resolve({}, { Z4J_TAGS: text })).tags;
    assert.deepEqual(tags("a=1, b = x=y,c="), { a: "1", b: "x=y", c: "" });
    assert.deepEqual(tags('{"a":"1,2"}'), { a: "1,2" });
    for (const wrong of ["a", "=x", '{"a":1}', "{"]) {
      assert.ok(!resolve({}, { Z4J_TAGS: wrong }).ok);
    }
  });

  it("resolveSettings() bounds tags", () => {
    const many = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, "v"]));
    assert.ok(resolve({ tags: many(32) }).ok);
    assert.ok(!resolve({ tags: many(33) }).ok);
    assert.ok(resolve({ tags: { ["k".repeat(64)]: "v".repeat(256) } }).ok);
    assert.ok(!resolve({ tags: { ["k".repeat(65)]: "v" } }).ok);
    assert.ok(!resolve({ tags: { k: "v".repeat(257) } }).ok);
    assert.ok(!resolve({ tags: { k: 1 } }).ok);
  });
});

describe("settings table", () => {
  it("settingsTable() has one row and one variable for every setting", () => {
    const rows = settingsTable();
    assert.deepEqual(rows.map((row) => row.key), SETTING_KEYS);
    assert.equal(new Set(AGENT_ENV_NAMES).size, AGENT_ENV_NAMES.length);
    assert.equal(AGENT_ENV_NAMES.length, rows.length + 2);
    for (const row of rows) assert.match(row.env, /^Z4J_[A-Z_]+$/);
  });

  it("settingsTable() marks what is required and what is secret", () => {
    const required = settingsTable().filter((row) => row.required).map((row) => row.key);
    assert.deepEqual(required, Object.keys(REQUIRED_OPTIONS));
    assert.deepEqual(settingsTable().filter((row) => row.secret).map((row) => row.key), [
      "token",
      "hmacSecret",
      "proxy",
    ]);
  });

  it("nearestName() answers null when nothing is near", () => {
    assert.equal(nearestName("zzzzzzzz", ["token", "home"]), null);
    assert.equal(nearestName("hoem", ["token", "home"]), "home");
    assert.equal(nearestName("", ["token"]), null);
  });
});
