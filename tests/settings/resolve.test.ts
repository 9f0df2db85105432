import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { resolveSettings } from "../../src/settings/resolve.ts";
import { SETTING_KEYS } from "../../src/settings/table.ts";
import {
  fakePlatform,
  problemsOf,
  REQUIRED_OPTIONS,
  resolve,
  settingsOf,
} from "./settings_support.ts";

const MIB = 1024 * 1024;

describe("resolveSettings() precedence", () => {
  it("resolveSettings() fills every key and its source when only the required ones are given", () => {
    const settings = settingsOf(resolve({}));
    const { sources, ...values } = settings;
    assert.deepEqual(values, {
      brainUrl: "https://tasks.example.com",
      token: REQUIRED_OPTIONS.token,
      hmacSecret: REQUIRED_OPTIONS.hmacSecret,
      projectId: "picker",
      agentName: null,
      agentId: null,
      environment: "production",
      tags: {},
      devMode: false,
      strictMode: false,
      autostart: true,
      bufferPath: null,
      bufferStore: "auto",
      bufferMaxEvents: 100_000,
      bufferMaxBytes: 256 * MIB,
      durability: "group",
      transport: "auto",
      ca: null,
      proxy: null,
      heartbeatSeconds: null,
      maxPayloadBytes: 8192,
      workerRole: null,
      redactionExtraKeyPatterns: [],
      redactionExtraValuePatterns: [],
      redactPaths: [],
      captureArgs: true,
      captureResult: true,
      captureError: true,
      queuePrivacy: {},
      commandsAllow: [],
      commandsDeny: [],
      readOnly: false,
      home: "/home/ada/.z4j",
      disabled: false,
      agentStatusDisabled: false,
      purgeThreshold: 1000,
      logLevel: "info",
    });
    assert.deepEqual(Object.keys(sources).sort(), [...SETTING_KEYS].sort());
    assert.equal(sources.token, "option");
    assert.equal(sources.autostart, "default");
  });

  it("resolveSettings() prefers the variable when an option is given too", () => {
    const settings = settingsOf(resolve({ environment: "blue" }, { Z4J_ENVIRONMENT: "green" }));
    assert.equal(settings.environment, "green");
    assert.equal(settings.sources.environment, "env");
  });

  it("resolveSettings() ignores a variable when it is empty or blank", () => {
    const settings = settingsOf(resolve({}, { Z4J_TOKEN: "", Z4J_PROJECT_ID: "  " }));
    assert.equal(settings.token, REQUIRED_OPTIONS.token);
    assert.equal(settings.sources.projectId, "option");
  });

  it("resolveSettings() treats undefined and empty options as not given", () => {
    assert.equal(
      settingsOf(resolve({ environment: "", agentName: undefined })).environment,
      "production",
    );
  });

  it("resolveSettings() reads no variable when env is false", () => {
    const settings = settingsOf(resolve({ env: false }, { Z4J_ENVIRONMENT: "green" }));
    assert.equal(settings.environment, "production");
  });

  it("resolveSettings() reads the given record when env is one", () => {
    const settings = settingsOf(
      resolve({ env: { Z4J_ENVIRONMENT: "red" } }, { Z4J_ENVIRONMENT: "green" }),
    );
    assert.equal(settings.environment, "red");
  });

  it("resolveSettings() freezes everything it answers", () => {
    const settings = settingsOf(resolve({ tags: { a: "b" }, redactionExtraKeyPatterns: ["x"] }));
    for (
      const part of [settings, settings.sources, settings.tags, settings.redactionExtraKeyPatterns]
    ) {
      assert.ok(Object.isFrozen(part));
    }
  });

  it("resolveSettings() trims secrets that end with a newline", () => {
    assert.equal(settingsOf(resolve({ token: " abc\n" })).token, "abc");
  });

  it("resolveSettings() puts the home into the temporary directory when the user has none", () => {
    const platform = fakePlatform({}, { homeDir: () => null, realPath: (path) => path });
    assert.equal(settingsOf(resolveSettings(REQUIRED_OPTIONS, platform)).home, "/tmp/z4j-33");
  });
});

describe("resolveSettings() secret files", () => {
  const files = fakePlatform({ Z4J_TOKEN_FILE: "/run/token" }, {
    readTextFile: (path) => path === "/run/token" ? "from-file\n" : "",
  });

  it("resolveSettings() reads a secret from its file before the option", () => {
    const settings = settingsOf(resolveSettings(REQUIRED_OPTIONS, files));
    assert.equal(settings.token, "from-file");
    assert.equal(settings.sources.token, "file");
  });

  it("resolveSettings() prefers the plain variable and warns when both are set", () => {
    const outcome = resolve({}, { Z4J_TOKEN: "plain", Z4J_TOKEN_FILE: "/nowhere" });
    assert.equal(settingsOf(outcome).token, "plain");
    assert.deepEqual(outcome.warnings.map((one) => one.code), ["shadowed"]);
  });

  it("resolveSettings() reports a secret file when it cannot be read", () => {
    const [problem] = problemsOf(resolve({}, { Z4J_HMAC_SECRET_FILE: "/nowhere" }));
    assert.equal(problem?.code, "unreadable");
    assert.equal(problem?.name, "Z4J_HMAC_SECRET_FILE");
  });

  it("resolveSettings() reports a secret file when it is empty", () => {
    const platform = fakePlatform({ Z4J_TOKEN_FILE: "/run/empty" }, { readTextFile: () => "" });
    const [problem] = problemsOf(resolveSettings(REQUIRED_OPTIONS, platform));
    assert.match(problem?.message ?? "", /empty/);
  });
});

describe("resolveSettings() problems", () => {
  it("resolveSettings() names every missing setting with its variable", () => {
    const problems = problemsOf(resolveSettings({}, fakePlatform()));
    assert.deepEqual(problems.map((one) => [one.code, one.env]), [
      ["missing", "Z4J_BRAIN_URL"],
      ["missing", "Z4J_TOKEN"],
      ["missing", "Z4J_HMAC_SECRET"],
      ["missing", "Z4J_PROJECT_ID"],
    ]);
    assert.match(problems[2]?.message ?? "", /hmac_secret is required/);
    for (const problem of problems) assert.ok(problem.message.includes(problem.env ?? "?"));
  });

  it("resolveSettings() reports all problems at once and still the essentials", () => {
    const outcome = resolve({ bufferMaxEvents: 1, color: "red" }, {
      Z4J_AUTOSTART: "maybe",
      Z4J_STRICT_MODE: "yes",
      Z4J_LOG_LEVEL: "WARNING",
      Z4J_DISABLED: "perhaps",
    });
    assert.deepEqual(problemsOf(outcome).map((one) => one.name).sort(), [
      "Z4J_AUTOSTART",
      "Z4J_DISABLED",
      "bufferMaxEvents",
      "color",
    ]);
    assert.deepEqual(outcome.settings, { strictMode: true, disabled: false, logLevel: "warn" });
  });

  it("resolveSettings() names the nearest option when a key is unknown", () => {
    const names = {
      brain_url: "brainUrl",
      tokn: "token",
      autoStart: "autostart",
      hmacSecert: "hmacSecret",
    };
    for (const [wrong, right] of Object.entries(names)) {
      const [problem] = problemsOf(resolve({ [wrong]: "x" }));
      assert.equal(problem?.code, "unknown");
      assert.match(problem?.message ?? "", new RegExp(`perhaps ${right}$`));
    }
  });

  it("resolveSettings() leaves keys of the caller alone", () => {
    assert.ok(resolve({ engines: [] }, {}, { alsoAllowed: ["engines"] }).ok);
    assert.ok(!resolve({ engines: [] }).ok);
  });

  it("resolveSettings() warns with the nearest variable when a Z4J name is unknown", () => {
    const outcome = resolve({}, {
      Z4J_BRAIN_ULR: "x",
      Z4J_ENGINES: "celery",
      Z4J_DATABASE_URL: "postgres://",
      Z4J_RUNTIME_DIR: "/run",
      PATH: "/bin",
    });
    assert.ok(outcome.ok);
    assert.deepEqual(outcome.warnings.map((one) => one.name), ["Z4J_BRAIN_ULR", "Z4J_RUNTIME_DIR"]);
    assert.match(outcome.warnings[0]?.message ?? "", /perhaps Z4J_BRAIN_URL$/);
    assert.match(outcome.warnings[1]?.message ?? "", /Z4J_HOME$/);
  });

  it("resolveSettings() asks the given check about the HMAC secret", () => {
    const [problem] = problemsOf(resolve({}, {}, { validateSecret: () => "it is too short" }));
    assert.match(problem?.message ?? "", /^Cannot use hmacSecret: it is too short/);
    assert.ok(resolve({}, {}, { validateSecret: () => null }).ok);
  });

  it("resolveSettings() reports a home whose links loop", () => {
    const platform = fakePlatform({}, {
      realPath: () => {
        throw new Error("loop");
      },
    });
    assert.equal(problemsOf(resolveSettings(REQUIRED_OPTIONS, platform))[0]?.name, "home");
  });
});
