import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fingerprintOf } from "../../src/buffer/fingerprint.ts";
import { openBuffer } from "../../src/buffer/open.ts";
import { type Child, runScript } from "../_support/child.ts";
import { type BedAgent, type BedBrain, scratch } from "../_support/doctor_bed.ts";
import {
  type DoctorJson,
  jsonOf,
  type ProbeJson,
  runDoctorProcess,
} from "../_support/doctor_child.ts";
import { startBed } from "../_support/doctor_stage_run.ts";
import { until } from "../_support/wait.ts";

const probeOf = (json: DoctorJson, name: string): ProbeJson => {
  const probe = json.probes.find((one) => one.name === name);
  assert.ok(probe !== undefined, name);
  return probe;
};

for (const kind of ["embedded", "stock"] as const) {
  describe(`doctor beside a running agent, ${kind} brain`, () => {
    const folder = scratch();
    const home = join(folder.path, "home");
    let brain: BedBrain;
    let agent: BedAgent;
    let child: Child;
    before(async () => {
      brain = await startBed(kind);
      agent = await brain.mint();
      const env = { ...agent.env, Z4J_HOME: home };
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
      const env = { ...agent.env, Z4J_HOME: home };
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
      const env = { ...other.env, Z4J_HOME: home };
      const json = jsonOf(await runDoctorProcess({ env, args: ["--json"] }));
      assert.equal(probeOf(json, "handshake").status, "skip");
      assert.deepEqual((await brain.agent(other.id)).engines, []);
    });

    it("tells orphaned buffers and those of another project, with their depth", async () => {
      await orphan(join(home, "buffer-1.sqlite"), "somebody else");
      const foreign = probeOf(await look("--only", "buffers"), "buffers");
      assert.equal(foreign.code, "Z4J_DOCTOR_BUFFER_FOREIGN");
      await orphan(join(home, "buffer-2.sqlite"), undefined);
      const orphaned = probeOf(await look("--only", "buffers"), "buffers");
      assert.equal(orphaned.code, "Z4J_DOCTOR_BUFFER_ORPHANS");
      assert.match(orphaned.message, /1 orphaned with 2 events/);
    });

    it("tells an agent that is not connected", async () => {
      await brain.kill();
      await until("a waiting agent", () => child.output().includes("waiting"));
      const told = async (): Promise<boolean> =>
        probeOf(await look("--only", "agents"), "agents").code === "Z4J_DOCTOR_AGENT_DISCONNECTED";
      await until("the waiting agent in its file", told);
    });
  });
}

/** Leaves a buffer with two events behind, as a killed process would. */
async function orphan(path: string, project: string | undefined): Promise<void> {
  const fingerprint = project === undefined
    ? undefined
    : await fingerprintOf(new TextEncoder().encode(project));
  const buffer = await openBuffer({ path, fingerprint });
  for (const text of ['{"a":1}', '{"a":2}']) {
    buffer.push({ text, bytes: text.length, kind: "task.sent", class: "progress" });
  }
  await buffer.settled();
  await buffer.close();
}
