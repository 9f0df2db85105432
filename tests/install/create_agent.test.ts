import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type AgentOptions, createAgent, startAgent, Z4jError } from "../../mod.ts";
import type { LogFacts, Logger } from "../../src/base/logger.ts";
import { until } from "../_support/wait.ts";

const SECRET = "7evILwhbDhZeulVhVxCnIGm7vqLXyJ0K_1C1dpv4-HA=";

interface Line {
  readonly level: string;
  readonly text: string;
}

function recordingLogger(): { readonly logger: Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const note = (level: string) => (facts: LogFacts, message: string): void => {
    lines.push({ level, text: `${message} ${JSON.stringify(facts)}` });
  };
  const logger = {
    debug: note("debug"),
    info: note("info"),
    warn: note("warn"),
    error: note("error"),
  };
  return { logger, lines };
}

describe("createAgent()", () => {
  let home: string;
  before(() => {
    home = mkdtempSync(join(tmpdir(), "z4j-install-"));
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  const good = (): AgentOptions => ({
    // Nothing listens on port 1: the agent keeps trying, which is all it shall do.
    brainUrl: "http://127.0.0.1:1",
    token: "token-canary",
    hmacSecret: SECRET,
    projectId: "default",
    home,
    env: false,
  });

  it("does nothing and says so once when it is switched off", async () => {
    const { logger, lines } = recordingLogger();
    const agent = createAgent({ env: { Z4J_DISABLED: "1" }, logger });
    await agent.start();
    await agent.start();
    assert.equal(agent.status().state, "stopped");
    assert.equal(lines.length, 1);
    assert.match(lines[0]?.text ?? "", /switched off/);
    assert.equal(lines[0]?.level, "info");
  });

  it("lets the host run on after one line that names every problem", async () => {
    const { logger, lines } = recordingLogger();
    const agent = createAgent({
      env: { Z4J_BRAIN_URL: "http://brain.example.com", Z4J_TOKEN: "token-canary" },
      logger,
    });
    await agent.start();
    agent.record("manual", {
      kind: "task.started",
      taskId: "1",
      occurredAtMs: Date.now(),
      data: {},
    });
    assert.deepEqual(await agent.stop(), { sent: 0, remaining: 0, timedOut: false });
    assert.equal(lines.length, 1);
    assert.equal(lines[0]?.level, "error");
    for (const phrase of [/project_?id/i, /hmac_?secret/i, /refusing plain ws:\/\/ connection/]) {
      assert.match(lines[0]?.text ?? "", phrase);
    }
    assert.doesNotMatch(lines[0]?.text ?? "", /canary/);
  });

  it("throws every problem at once in strict mode", () => {
    assert.throws(() => createAgent({ env: { Z4J_STRICT_MODE: "true" } }), (error) => {
      assert.ok(error instanceof Z4jError);
      assert.equal(error.code, "Z4J_SETTINGS_INVALID");
      const problems = error.details["problems"] as readonly { readonly name: string }[];
      assert.deepEqual(
        problems.map(({ name }) => name).sort(),
        ["brainUrl", "hmacSecret", "projectId", "token"],
      );
      return true;
    });
  });

  it("refuses a buffer path outside the two roots when it is made", () => {
    assert.throws(
      () => createAgent({ ...good(), strictMode: true, bufferPath: "/etc/z4j.sqlite" }),
      (error) => error instanceof Z4jError && error.code === "Z4J_SETTINGS_INVALID",
    );
  });

  it("refuses a CA file and a proxy it cannot use, without showing them", () => {
    assert.throws(
      () => createAgent({ ...good(), strictMode: true, ca: "/nowhere/canary.pem" }),
      /Cannot use ca/,
    );
    assert.throws(
      () => createAgent({ ...good(), strictMode: true, proxy: "socks5://u:canary@h:1" }),
      (error) => error instanceof Z4jError && !error.message.includes("canary"),
    );
  });

  it("names a misspelt option, and the one that was meant, without its value", async () => {
    const { logger, lines } = recordingLogger();
    const misspelt = { ...good(), hmacSecert: "secret-canary" };
    await createAgent({ ...misspelt, logger }).start();
    assert.match(lines[0]?.text ?? "", /hmacSecert.*hmacSecret/);
    assert.doesNotMatch(lines.map(({ text }) => text).join(), /canary/);
  });

  it("opens its buffer at start, logs the start, and leaves no empty file", async () => {
    const { logger, lines } = recordingLogger();
    const agent = createAgent({ ...good(), logger });
    assert.equal(readdirSync(home).some((name) => name.endsWith(".sqlite")), false);
    await agent.start();
    assert.equal(lines[0]?.level, "info");
    assert.match(lines[0]?.text ?? "", /^agent starting/);
    assert.equal(readdirSync(home).some((name) => name.endsWith(".sqlite")), true);
    await agent.stop({ timeoutMs: 100 });
    assert.equal(readdirSync(home).some((name) => name.endsWith(".sqlite")), false);
  });

  it("keeps what it could not send in the file", async () => {
    const agent = createAgent({ ...good(), logger: recordingLogger().logger });
    await agent.start();
    agent.record("manual", {
      kind: "task.started",
      taskId: "kept",
      occurredAtMs: Date.now(),
      data: {},
    });
    const report = await agent.stop({ timeoutMs: 200 });
    assert.equal(report.remaining, 1);
    const file = readdirSync(home).find((name) => name.endsWith(".sqlite"));
    assert.ok(file !== undefined && existsSync(join(home, file)));
    rmSync(join(home, file));
  });

  it("falls back to the temporary directory with one warning when the home cannot be used", async () => {
    const { logger, lines } = recordingLogger();
    // A directory below a file can be made by nobody, root included.
    const file = join(home, "a-file");
    writeFileSync(file, "");
    const agent = createAgent({ ...good(), home: join(file, "home"), logger });
    await agent.start();
    const path = agent.status().buffer?.capabilities.path ?? "";
    const warnings = lines.filter(({ level }) => level === "warn");
    await agent.stop({ timeoutMs: 100 });
    assert.match(path, /z4j-[^/]+\/buffer-\d+\.sqlite$/);
    assert.ok(path.startsWith(realpathSync(tmpdir())), path);
    assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
    assert.equal(warnings.filter(({ text }) => /buffer/i.test(text)).length, 1);
  });

  it("shows its settings with their sources and without secrets", () => {
    const agent = createAgent({
      ...good(),
      env: { Z4J_ENVIRONMENT: "staging" },
      logger: recordingLogger().logger,
    });
    const config = agent.config();
    assert.deepEqual(config?.environment, {
      value: "staging",
      source: "env",
      from: "Z4J_ENVIRONMENT",
    });
    assert.equal(config?.token.source, "option");
    assert.doesNotMatch(JSON.stringify(config), new RegExp(`canary|${SECRET}`));
  });

  it("stops the agent that ran before under its name", async () => {
    const first = createAgent({ ...good(), logger: recordingLogger().logger });
    const second = createAgent({ ...good(), logger: recordingLogger().logger });
    await first.start();
    await second.start();
    try {
      await until("end of the first agent", () => first.status().state === "stopped");
      assert.notEqual(second.status().state, "stopped");
    } finally {
      await second.stop({ timeoutMs: 100 });
    }
  });
});

describe("startAgent()", () => {
  it("leaves the agent stopped when autostart is off", async () => {
    const { logger, lines } = recordingLogger();
    await using agent = await startAgent({
      brainUrl: "http://127.0.0.1:1",
      token: "t",
      hmacSecret: SECRET,
      projectId: "default",
      env: { Z4J_AUTOSTART: "off" },
      logger,
    });
    assert.equal(agent.autostart, false);
    assert.equal(agent.status().state, "stopped");
    assert.deepEqual(lines.map(({ level }) => level), ["info"]);
    assert.match(lines[0]?.text ?? "", /rule autostart-off/);
  });
});
