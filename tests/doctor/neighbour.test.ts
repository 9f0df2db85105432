import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Child, runScript } from "../_support/child.ts";
import { type BedAgent, type BedBrain, scratch } from "../_support/doctor_bed.ts";
import {
  BRAIN_KINDS,
  type DoctorJson,
  type DoctorRun,
  jsonOf,
  type ProbeJson,
  runDoctorProcess,
} from "../_support/doctor_child.ts";
import { startBed } from "../_support/doctor_stage_run.ts";
import { startForwarder } from "../_support/network_peers.ts";
import { leaveBuffer } from "../_support/left_buffer.ts";
import { until } from "../_support/wait.ts";

const probeOf = (json: DoctorJson, name: string): ProbeJson => {
  const probe = json.probes.find((one) => one.name === name);
  assert.ok(probe !== undefined, name);
  return probe;
};

for (const kind of BRAIN_KINDS) {
  describe(`doctor beside a running agent, ${kind} brain`, () => {
    const folder = scratch();
    const home = join(folder.path, "home");
    let brain: BedBrain;
    let agent: BedAgent;
    let child: Child;
    let env: Record<string, string>;
    const cli = (all: Readonly<Record<string, string>>, ...args: string[]): Promise<DoctorRun> =>
      runDoctorProcess({ script: "src/cli/mod.ts", env: all, args });
    before(async () => {
      brain = await startBed(kind);
      agent = await brain.mint();
      env = { ...agent.env, Z4J_HOME: home };
      child = runScript("tests/_support/doctor_agent_child.ts", { env });
      await until("a connected agent", () => child.output().includes("connected"));
      const engines = async (): Promise<boolean> =>
        (await brain.agent(agent.id)).engines.includes("manual");
      await until("its inventory", engines);
    });
    after(async () => {
      child.kill("SIGKILL");
      await brain.close();
      folder.remove();
    });
    const files = (): string[] => readdirSync(join(home, "agents")).sort();
    const look = async (...args: readonly string[]): Promise<DoctorJson> => {
      return jsonOf(await runDoctorProcess({ env, args: ["--json", ...args] }));
    };

    it("leaves session, inventory and files as they are, three times", async () => {
      const before = files();
      const seen = child.output();
      const args = [[], ["--handshake"], ["--no-round-trip"]];
      for (const more of args) {
        const json = await look(...more);
        assert.equal(json.ok, true, JSON.stringify(json.probes.filter(({ ok }) => !ok)));
      }
      // Whatever the brain had to say about it would have arrived by now.
      await until("an online agent", async () => (await brain.agent(agent.id)).state === "online");
      assert.equal(child.output(), seen, "the session went on");
      assert.deepEqual(files(), before);
      assert.deepEqual((await brain.agent(agent.id)).engines, ["manual"], "last hello");
    });

    it("announces what the agent announces, and tells who runs here", async () => {
      // Its file follows a change within a second.
      const json = await until("the agent in its file", async () => {
        const found = await look();
        return probeOf(found, "agents").status === "ok" ? found : undefined;
      });
      const handshake = probeOf(json, "handshake");
      assert.equal(handshake.status, "ok", handshake.message);
      assert.match(handshake.message, /took a session of protocol 2/);
      const agents = probeOf(json, "agents");
      assert.equal(agents.status, "ok", agents.message);
      assert.match(agents.message, /^1 connected$/);
      assert.deepEqual(agents.lines.map((line) => line.replace(/\d+/g, "N")), [
        "pid N: connected, manual, N events wait",
      ]);
      assert.deepEqual((await brain.agent(agent.id)).engines, ["manual"]);
    });

    it("sends no hello for another token of the same home", async () => {
      const other = await brain.mint();
      const all = { ...other.env, Z4J_HOME: home };
      const json = jsonOf(await runDoctorProcess({ env: all, args: ["--json"] }));
      assert.equal(probeOf(json, "handshake").status, "skip");
      assert.deepEqual((await brain.agent(other.id)).engines, []);
    });

    it("tells orphaned buffers and those of another project, with their depth", async () => {
      await leaveBuffer(join(home, "buffer-1.sqlite"), "A".repeat(43), 2);
      const foreign = probeOf(await look("--only", "buffers"), "buffers");
      assert.equal(foreign.code, "Z4J_DOCTOR_BUFFER_FOREIGN");
      await leaveBuffer(join(home, "buffer-2.sqlite"), null, 2);
      const orphaned = probeOf(await look("--only", "buffers"), "buffers");
      assert.equal(orphaned.code, "Z4J_DOCTOR_BUFFER_ORPHANS");
      assert.match(orphaned.message, /1 orphaned with 2 events/);
    });

    it("status tells sessions, depths and losses", async () => {
      const text = await cli(env, "status");
      assert.match(text.out, /pid +name +role +state +since +waiting +lost +acked +engines/);
      assert.match(text.out, new RegExp(`\\n +${child.pid} +- +\\S+ +connected .*manual`));
      const json = JSON.parse((await cli(env, "status", "--json")).out);
      assert.equal(json.ok, true);
      assert.equal(json.agents[0].pid, child.pid);
      assert.equal(json.agents[0].state, "connected");
      assert.equal(typeof json.agents[0].buffer.events, "number");
      assert.equal((await cli({ ...env, Z4J_HOME: folder.path }, "status")).code, 1);
    });

    it("drain sends what the dead left, without a hello, and leaves the living alone", async () => {
      // The agent here looks for orphans too; another home keeps them for the command.
      const other = { ...env, Z4J_HOME: join(folder.path, "other") };
      mkdirSync(other.Z4J_HOME, { mode: 0o700 });
      const left = join(other.Z4J_HOME, "buffer-1.sqlite");
      await leaveBuffer(left, env["Z4J_HMAC_SECRET"] ?? "", 40);
      await leaveBuffer(join(other.Z4J_HOME, "buffer-2.sqlite"), null, 0);
      const exported = await cli(other, "buffer", "export", left);
      assert.equal(exported.out.trim().split("\n").length, 40);
      const ls = JSON.parse((await cli(other, "buffer", "ls", "--json")).out);
      assert.deepEqual(
        ls.buffers.map((file: { state: string; events: number }) => [file.state, file.events]),
        [["orphan", 40]],
      );
      const { code, out, err } = await cli(other, "buffer", "drain", "--json");
      const [file] = JSON.parse(out).buffers;
      if (kind === "stock") {
        // One is larger than a request of the stock brain; it waits for an agent.
        assert.equal(code, 1, err);
        assert.deepEqual([file.sent, file.tooLarge], [39, 1]);
        assert.ok(existsSync(left));
      } else {
        assert.equal(code, 0, err);
        assert.deepEqual([file.sent, file.tooLarge], [40, 0]);
        assert.ok(!existsSync(left));
      }
      assert.deepEqual((await brain.agent(agent.id)).engines, ["manual"]);
    });

    it("drain tells a brain that refuses, and one that is down, by exit code", async () => {
      const other = { ...env, Z4J_HOME: join(folder.path, "refused") };
      mkdirSync(other.Z4J_HOME, { mode: 0o700 });
      await leaveBuffer(join(other.Z4J_HOME, "buffer-1.sqlite"), env["Z4J_HMAC_SECRET"] ?? "", 2);
      const wrong = await cli({ ...other, Z4J_TOKEN: "A".repeat(43) }, "buffer", "drain");
      assert.equal(wrong.code, 4, wrong.err);
      const down = await cli({ ...other, Z4J_BRAIN_URL: "http://127.0.0.1:9" }, "buffer", "drain");
      assert.equal(down.code, 3, down.err);
      const busy = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
      const way = await startForwarder(
        brain.port,
        (data) => data.includes("event_batch") ? { answer: busy } : data,
      );
      const url = `http://127.0.0.1:${way.port}`;
      const halfway = await cli({ ...other, Z4J_BRAIN_URL: url }, "buffer", "drain");
      await way.close();
      assert.equal(halfway.code, 3, halfway.err);
      // What the brain did not take is still there.
      const left = await cli(other, "buffer", "export");
      assert.equal(left.out.trim().split("\n").length, 2);
      assert.match((await cli({ Z4J_HOME: home }, "buffer", "drain")).err, /token is required/);
    });

    it("tells an agent that is not connected, whose wait z4j reconnect ends", async () => {
      await brain.revoke(agent.id);
      // After a refusal of its credentials an agent waits ten seconds and more.
      const states = (): string[] =>
        child.output().split("\n").filter((line) => /^[a-z]+$/.test(line));
      await until("a waiting agent", () => states().at(-1) === "waiting");
      const told = async (): Promise<boolean> =>
        probeOf(await look("--only", "agents"), "agents").code === "Z4J_DOCTOR_AGENT_DISCONNECTED";
      await until("the waiting agent in its file", told);
      const dials = (): number => states().filter((state) => state === "connecting").length;
      const before = dials();
      const { code, out } = await cli(env, "reconnect");
      assert.equal(code, 0, out);
      assert.match(out, new RegExp(`pid ${child.pid} dials at once`));
      await until("another dial", () => dials() > before, 8000);
      assert.equal((await cli(env, "status")).code, 1);
      const stranger = await cli(env, "reconnect", "--pid", "1");
      assert.match(stranger.out, /No agent runs/);
    });
  });
}
