import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runCli } from "../../src/cli/run.ts";
import { type Child, runScript } from "../_support/child.ts";
import { scratch } from "../_support/doctor_bed.ts";
import { type DoctorRun, runDoctorProcess } from "../_support/doctor_child.ts";
import { startBrainProcess } from "../_support/embedded_brain.ts";
import { leaveBuffer } from "../_support/left_buffer.ts";
import { until } from "../_support/wait.ts";

const SCRIPT = "src/cli/mod.ts";
const cli = (
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<DoctorRun> => runDoctorProcess({ script: SCRIPT, env, args });

async function run(
  ...argv: readonly string[]
): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await runCli(argv, {
    out: (line) => void (out += `${line}\n`),
    err: (line) => void (err += `${line}\n`),
    hasColors: false,
    showsProgress: false,
    pid: 1,
    stopped: Promise.resolve(),
  });
  return { code, out, err };
}

describe("z4j: usage", () => {
  it("ends with 2 and names the nearest command or flag", async () => {
    const cases: readonly [readonly string[], RegExp][] = [
      [["docter"], /did you mean doctor\?/],
      [["buffer"], /expected one of ls, drain, recover, export/],
      [["buffer", "drian"], /did you mean buffer drain\?/],
      [["status", "--jsn"], /did you mean --json\?/],
      [["status", "extra"], /Unexpected argument "extra"/],
      [["reconnect", "--pid", "x"], /expected a whole number/],
      [["events", "--limit", "0"], /expected a whole number from 1 to 100/],
      [["doctor", "--jsn"], /did you mean --json\?/],
      [["brain", "--prot", "1"], /did you mean --port\?/],
    ];
    for (const [argv, text] of cases) {
      const { code, err } = await run(...argv);
      assert.equal(code, 2, argv.join(" "));
      assert.match(err, text, argv.join(" "));
    }
    assert.equal((await run()).code, 2);
  });

  it("prints help with examples and exit codes for each command", async () => {
    const overview = await run("--help");
    assert.equal(overview.code, 0);
    assert.match(overview.out, /Exit codes/);
    const names = ["status", "reconnect", "buffer ls", "buffer drain", "buffer recover"];
    for (const name of [...names, "buffer export", "events", "reconcile"]) {
      assert.match(overview.out, new RegExp(`\\n  ${name} `));
      const { code, out } = await run(...name.split(" "), "--help");
      assert.equal(code, 0, name);
      assert.match(out, /Examples\n[\s\S]*--json[\s\S]*Exit codes/);
    }
    assert.match((await run("doctor", "--help")).out, /z4j-doctor --no-websocket/);
  });
});

describe("z4j buffer recover", () => {
  const folder = scratch();
  after(() => folder.remove());

  it("moves what is readable in a damaged file into a fresh one", async () => {
    const home = join(folder.path, "home");
    mkdirSync(home, { mode: 0o700 });
    const whole = join(home, "buffer-7.sqlite");
    const path = `${whole}.corrupt-1`;
    await leaveBuffer(whole, null, 400);
    const bytes = readFileSync(whole);
    bytes.fill(0xff, Math.floor(bytes.length * 0.4), Math.floor(bytes.length * 0.5));
    writeFileSync(path, bytes);
    rmSync(whole);
    writeFileSync(join(home, "buffer-8.sqlite.corrupt-2"), "rubbish");
    const { out, code } = await cli({ Z4J_HOME: home }, "buffer", "recover", "--json");
    const [first, second] = JSON.parse(out).buffers;
    assert.ok(first.events > 50 && first.events < 400, out);
    assert.ok(existsSync(first.into));
    assert.ok(!existsSync(path));
    assert.equal(second.into, null);
    assert.ok(code === 0 || code === 1);
    const ls = JSON.parse((await cli({ Z4J_HOME: home }, "buffer", "ls", "--json")).out);
    const orphan = ls.buffers.find((file: { state: string }) => file.state === "orphan");
    assert.equal(orphan?.events, first.events);
  });
});

describe("z4j events, reconcile, brain, check, doctor", () => {
  const folder = scratch();
  after(() => folder.remove());

  it("work as processes against the embedded brain", async () => {
    const brain = await startBrainProcess(["--port", "0", "--data", ":memory:", "--mint", "web"]);
    const [minted] = brain.line.agents;
    const env = {
      Z4J_BRAIN_URL: brain.line.base_url,
      Z4J_TOKEN: minted?.token ?? "",
      Z4J_HMAC_SECRET: minted?.hmac_secret ?? "",
      Z4J_PROJECT_ID: brain.line.project_slug,
      Z4J_API_TOKEN: brain.line.api_token,
      Z4J_HOME: join(folder.path, "home"),
    };
    let tail: Child | undefined;
    try {
      tail = runScript(SCRIPT, { args: ["events", "--tail", "--json"], env });
      mkdirSync(env.Z4J_HOME, { mode: 0o700 });
      await leaveBuffer(join(env.Z4J_HOME, "buffer-1.sqlite"), env.Z4J_HMAC_SECRET, 3);
      assert.equal((await cli(env, "buffer", "drain")).code, 0);
      const follower = tail;
      await until("the events", () => follower.output().includes("left-2"));
      const events = await cli(env, "events");
      assert.match(events.out, /task\.succeeded +manual +left-\d +left\n/);
      tail.kill("SIGINT");
      assert.equal(await tail.ended(), 0);

      const reconcile = await cli(env, "reconcile", "--dry-run", "--older-than", "0", "--json");
      assert.equal(reconcile.code, 0, reconcile.err);
      assert.deepEqual(JSON.parse(reconcile.out), { ok: true, dry_run: true, tasks: [] });
      const refused = await cli({ ...env, Z4J_API_TOKEN: "wrong" }, "reconcile");
      assert.equal(refused.code, 4, refused.err);
      const nowhere = await cli({ ...env, Z4J_BRAIN_URL: "http://127.0.0.1:9" }, "events");
      assert.equal(nowhere.code, 3, nowhere.err);

      const check = await cli(env, "check");
      assert.equal(check.code, 0, check.out + check.err);
      assert.match(check.out, /all green \(5 probes\)/);
      assert.equal((await cli({ ...env, Z4J_BRAIN_URL: "http://127.0.0.1:9" }, "check")).code, 1);
      const doctor = await cli(env, "doctor");
      assert.equal(doctor.code, 0, doctor.out + doctor.err);
      assert.match(doctor.out, /round_trip +OK/);
    } finally {
      tail?.kill("SIGKILL");
      brain.child.kill("SIGTERM");
      await brain.child.ended();
    }
  });

  it("brain serves until it is stopped", async () => {
    const child = runScript(SCRIPT, {
      args: ["brain", "--port", "0", "--data", ":memory:", "--json"],
    });
    await until("its line", () => child.output().includes("base_url"));
    child.kill("SIGTERM");
    assert.equal(await child.ended(), 0);
  });
});
