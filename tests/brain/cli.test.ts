import { deepStrictEqual as deepEqual, match, strictEqual as equal } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runBrainCli } from "../../src/brain/cli.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/brain.ts", import.meta.url));
const RUN: readonly string[] = "Deno" in globalThis
  ? ["run", "-A", "--no-check", SCRIPT]
  : [SCRIPT];

interface Facts {
  readonly base_url: string;
  readonly ws_url: string;
  readonly project_slug: string;
  readonly project_id: string;
  readonly agents: readonly {
    readonly name: string;
    readonly id: string;
    readonly token: string | null;
    readonly hmac_secret: string | null;
  }[];
  readonly sign_in_url: string;
  readonly api_token: string;
  readonly pid: number;
}

/** The script as a process, with what it wrote and how it ended. */
class Cli {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  out = "";
  err = "";

  constructor(...flags: string[]) {
    this.child = spawn(process.execPath, [...RUN, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout?.on("data", (data) => this.out += data);
    this.child.stderr?.on("data", (data) => this.err += data);
    this.ended = new Promise((resolve) => this.child.on("close", resolve));
  }

  async facts(): Promise<Facts> {
    const end = Date.now() + 15_000;
    while (!this.out.includes("\n") && Date.now() < end && this.child.exitCode === null) {
      await new Promise((go) => setTimeout(go, 20));
    }
    if (!this.out.includes("\n")) throw new Error(`no output: ${this.err}`);
    return JSON.parse(this.out);
  }

  async stop(signal: "SIGTERM" | "SIGINT" = "SIGTERM"): Promise<number | null> {
    // Deno's `child.kill` reports the signal as the cause, whatever the exit code.
    const { pid, exitCode } = this.child;
    if (pid !== undefined && exitCode === null) process.kill(pid, signal);
    return await this.ended;
  }
}

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const io = {
    out: (line: string) => void (out += line),
    err: (line: string) => void (err += line),
    pid: 1,
    stopped: Promise.resolve(),
  };
  return { code: await runBrainCli(argv, io), out, err };
}

describe("scripts/brain.ts", () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "z4j-brain-cli-"));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it("prints one JSON line, serves, and ends with 0 on SIGTERM", async () => {
    const flags = ["--port", "0", "--data", ":memory:", "--json", "--mint", "a", "--mint", "b"];
    const cli = new Cli(...flags, "--project", "shop");
    try {
      const facts = await cli.facts();
      equal(cli.out.trim().split("\n").length, 1);
      equal(facts.pid, cli.child.pid);
      equal(facts.project_slug, "shop");
      deepEqual(facts.agents.map((agent) => agent.name), ["a", "b"]);
      equal(
        facts.agents.every((agent) => agent.token !== null && agent.hmac_secret !== null),
        true,
      );
      equal(facts.ws_url, `${facts.base_url.replace("http", "ws")}/ws/agent`);
      const headers = { authorization: `Bearer ${facts.api_token}` };
      const response = await fetch(`${facts.base_url}/api/v1/projects/shop/agents`, { headers });
      const agents = await response.json() as { name: string }[];
      deepEqual(agents.map((agent) => agent.name).sort(), ["a", "b"]);
      const signIn = await fetch(facts.sign_in_url, { redirect: "manual" });
      await signIn.body?.cancel();
      equal(signIn.status, 303);
    } finally {
      equal(await cli.stop(), 0);
    }
  });

  it("keeps agents and API token over a restart", async () => {
    const data = join(dir, "kept");
    const flags = ["--port", "0", "--data", data, "--json", "--mint", "web"];
    const first = new Cli(...flags);
    const one = await first.facts().finally(() => first.stop("SIGINT"));
    equal(await first.ended, 0);
    equal(statSync(join(data, "api-token")).mode & 0o777, 0o600);
    equal(readFileSync(join(data, "api-token"), "utf8").trim(), one.api_token);
    const second = new Cli(...flags);
    const two = await second.facts().finally(() => second.stop());
    equal(two.api_token, one.api_token);
    equal(two.project_id, one.project_id);
    deepEqual(two.agents, [{ name: "web", id: one.agents[0]?.id, token: null, hmac_secret: null }]);
  });

  it("ends with 3 when the port is taken", async () => {
    const first = new Cli("--port", "0", "--data", ":memory:", "--json");
    try {
      const { base_url: url } = await first.facts();
      const second = new Cli("--port", new URL(url).port, "--data", ":memory:");
      equal(await second.ended, 3);
      match(second.err, /port is taken/);
    } finally {
      await first.stop();
    }
  });
});

describe("runBrainCli()", () => {
  it("ends with 2 and names the nearest flag", async () => {
    const { code, err } = await run("--prot", "1");
    equal(code, 2);
    match(err, /did you mean --port\?/);
    match((await run("--quatsch")).err, /expected one of --port/);
  });

  it("ends with 2 for values that cannot be", async () => {
    for (
      const argv of [["--port", "x"], ["--port", "70000"], ["--port"], ["stray"], [
        "--project",
        "A B",
      ], ["--mint", " "]]
    ) {
      equal((await run(...argv)).code, 2, argv.join(" "));
    }
  });

  it("prints help on stdout", async () => {
    const { code, out } = await run("--help");
    equal(code, 0);
    match(out, /Exit codes/);
  });

  it("prints a banner with the sign-in link and the settings", async () => {
    const { code, out } = await run("--port", "0", "--data", ":memory:", "--mint", "web");
    equal(code, 0);
    match(out, /\/sign-in\?token=[0-9a-f]{64}/);
    match(out, /Z4J_HMAC_SECRET=\S+/);
  });
});
