import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { isZ4jError } from "../../src/base/errors.ts";
import { openBrainCore, openBrainParts } from "../../src/brain/core.ts";
import { openDatabase } from "../../src/brain/database.ts";
import { createOperator } from "../../src/brain/operator.ts";
import { SCHEMA_VERSION } from "../../src/brain/schema.ts";
import { createBrain } from "../../src/brain/serve.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import {
  deriveProjectSecret,
  encodeHmacSecret,
  hashAgentToken,
} from "../../src/protocol/derive.ts";
import { decodeHmacSecret } from "../../src/protocol/hmac.ts";
import { connect, openFixture, until, wireEvent } from "../_support/brain_peer.ts";

describe("openBrainCore()", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "z4j-brain-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("keeps projects, agents, tasks and secrets over a restart", async () => {
    const path = join(folder, "data");
    const first = await openFixture({ path });
    const peer = await connect(first);
    await peer.batch("b1", [wireEvent()]);
    await first.brain.close();
    await first.brain.close();
    const brain = await openBrainCore({ path });
    assert.equal(brain.reader.project("default")?.id, first.project.id);
    assert.equal(brain.reader.task(first.project.id, "bullmq", "mail:1")?.state, "received");
    const again = await connect({ ...first, brain });
    assert.deepEqual((await again.batch("b2", []))["received"], 0);
    await brain.close();
    assert.equal(statSync(path).mode & 0o077, 0);
  });

  it("uses WAL and synchronous FULL, because an ack promises a durable commit", async () => {
    const parts = await openBrainParts({ path: folder });
    const { db } = parts.context;
    assert.equal(db.get("PRAGMA journal_mode")?.["journal_mode"], "wal");
    assert.equal(Number(db.get("PRAGMA synchronous")?.["synchronous"]), 2);
    assert.equal(Number(db.get("PRAGMA user_version")?.["user_version"]), SCHEMA_VERSION);
    assert.equal(statSync(join(folder, "brain.db")).mode & 0o077, 0, "for the owner alone");
    db.close();
  });

  it("refuses a database that a newer version wrote", async () => {
    const parts = await openBrainParts({ path: folder });
    parts.context.db.sql(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`).run();
    parts.context.db.close();
    await assert.rejects(
      openBrainCore({ path: folder }),
      (error) => isZ4jError(error) && error.code === "Z4J_BRAIN_STORE",
    );
  });

  it("refuses a file that cannot be made or used with its own code", async () => {
    const nowhere = join(folder, "missing", "brain.db");
    await assert.rejects(openBrainCore({ path: nowhere }), { code: "Z4J_BRAIN_STORE" });
    const path = join(folder, "brain.db");
    await (await openBrainCore({ path })).close();
    const driver = (await loadSqlite())(path);
    driver.exec("DROP TABLE meta");
    driver.close();
    await assert.rejects(openBrainCore({ path }), { code: "Z4J_BRAIN_STORE" });
    await assert.rejects(createBrain({ dataDir: folder }), { code: "Z4J_BRAIN_STORE" });
  });

  it("refuses with its own code when the first project cannot be stored", async () => {
    const path = join(folder, "brain.db");
    await (await openBrainCore({ path })).close();
    const driver = (await loadSqlite())(path);
    driver.exec("CREATE TRIGGER no BEFORE INSERT ON projects BEGIN SELECT raise(ABORT, 'no'); END");
    driver.close();
    await assert.rejects(createBrain({ dataDir: folder }), { code: "Z4J_BRAIN_STORE" });
  });

  it("empties the log that a process left, before anything is appended to it", async () => {
    const path = join(folder, "brain.db");
    const first = await openBrainCore({ path });
    first.operator.createProject("default", "Default");
    assert.ok(statSync(`${path}-wal`).size > 0);
    for (const end of ["", "-wal"]) copyFileSync(path + end, join(folder, `left.db${end}`));
    await first.close();
    const db = openDatabase(await loadSqlite(), join(folder, "left.db"));
    assert.equal(statSync(join(folder, "left.db-wal")).size, 0);
    assert.equal(db.all("SELECT slug FROM projects").length, 1);
    db.close();
  });

  it("loses no acknowledged batch when its process is killed while writing", async () => {
    for (const round of [1, 2, 3]) {
      const path = join(folder, `kill${round}`);
      const acked = await killWriter(path, round * 40);
      assert.ok(acked.length > 0);
      const brain = await openBrainCore({ path });
      const project = brain.reader.project("default");
      if (project === null) assert.fail("no project");
      for (const id of acked) {
        assert.notEqual(brain.reader.task(project.id, "bullmq", `${id}:a`), null, id);
        assert.notEqual(brain.reader.task(project.id, "bullmq", `${id}:b`), null, id);
      }
      const { tasksByState } = brain.reader.stats(project.id);
      assert.equal((tasksByState["received"] ?? 0) % 2, 0, "a batch is stored whole or not at all");
      await brain.close();
    }
  });
});

/** Kills a writing child once it acknowledged some batches; the acknowledged ids. */
async function killWriter(path: string, count: number): Promise<readonly string[]> {
  const script = fileURLToPath(new URL("../_support/brain_child.ts", import.meta.url));
  const args = "Deno" in globalThis ? ["run", "-A", "--no-check", script, path] : [script, path];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (data) => text += String(data));
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  await until(() => text.split("\n").length > count, "acks of the child", 20_000);
  child.kill("SIGKILL");
  await ended;
  return text.split("\n").slice(0, -1);
}

describe("BrainOperator", () => {
  it("mintAgent() shows one secret per project and a token per agent, and stores no token", async () => {
    const parts = await openBrainParts({ path: ":memory:" });
    const operator = createOperator(parts);
    const { db } = parts.context;
    const project = operator.createProject("default", "Default");
    const first = await operator.mintAgent(project.id, "web");
    const second = await operator.mintAgent(project.id, "worker");
    assert.match(first.token, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(second.hmacSecret, first.hmacSecret);
    assert.notEqual(second.token, first.token);
    const master = decodeHmacSecret(String(db.get("SELECT value FROM meta")?.["value"]));
    const secret = await deriveProjectSecret(master, project.id);
    assert.equal(first.hmacSecret, encodeHmacSecret(secret));
    const hash = String(db.get("SELECT token_hash FROM agents WHERE name = 'web'")?.["token_hash"]);
    assert.equal(hash, await hashAgentToken(master, first.token));
    await assert.rejects(
      operator.mintAgent(project.id, "web"),
      (error) => isZ4jError(error) && error.details["reason"] === "conflict",
    );
    db.close();
  });

  it("createProject() refuses a slug that exists or is malformed", async () => {
    const { brain } = await openFixture();
    assert.throws(
      () => brain.operator.createProject("default", "x"),
      (error) => isZ4jError(error) && error.code === "Z4J_BRAIN_STORE",
    );
    for (const slug of ["", "A b", "-x", "x".repeat(64)]) {
      assert.throws(() => brain.operator.createProject(slug, "x"), TypeError, slug);
    }
    await brain.close();
  });
});

describe("BrainReader", () => {
  it("tasks() finds what a request or trace asked for, also through a schedule", async () => {
    const fixture = await openFixture();
    const { reader } = fixture.brain;
    const id = fixture.project.id;
    const peer = await connect(fixture);
    const events = [
      { request_id: "r1", trace_id: "t1" },
      { request_id: "r2", trace_id: "t1" },
      { request_id: "r12", trace_id: "t2", user: "r1" },
      { trace_id: "t3", scheduled_by: { trace_id: "t1", span_id: "s", request_id: "r1" } },
      undefined,
    ].flatMap((context, n) =>
      ["task.received", "task.started"].map((kind) =>
        wireEvent({
          kind,
          task_id: `t:${n}`,
          data: { task_name: "job", args: ["r1"], ...(context === undefined ? {} : { context }) },
        })
      )
    );
    await peer.batch("b1", events);
    const found = (request: string | undefined): string =>
      reader.tasks(id, { limit: 50, request }).items.map(({ taskId }) => taskId).join(" ");
    assert.equal(found("r1"), "t:3 t:0");
    assert.equal(found("t1"), "t:3 t:1 t:0");
    assert.equal(found("t3"), "t:3");
    for (const none of ["r", "%", "' OR 1=1 --", "null"]) assert.equal(found(none), "", none);
    assert.equal(found("").split(" ").length, 5);
    assert.equal(reader.tasks(id, { limit: 1, request: "t1" }).totalCount, 3);
    await fixture.brain.close();
  });

  it("tasks() filters, searches and pages, newest first", async () => {
    const fixture = await openFixture();
    const { reader } = fixture.brain;
    const id = fixture.project.id;
    const peer = await connect(fixture);
    const events = Array.from({ length: 25 }, (_, i) =>
      wireEvent({
        task_id: `t:${i}`,
        data: { task_name: i % 2 === 0 ? "even" : "odd_1", queue: "q", args: [`needle${i}%`] },
      }));
    await peer.batch("b1", events);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = reader.tasks(id, { limit: 10, cursor });
      assert.equal(page.totalCount, 25);
      seen.push(...page.items.map((task) => task.taskId));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    assert.equal(new Set(seen).size, 25);
    assert.equal(reader.tasks(id, { limit: 50, name: "even" }).totalCount, 13);
    assert.equal(reader.tasks(id, { limit: 50, search: "needle7%" }).totalCount, 1);
    assert.equal(reader.tasks(id, { limit: 50, search: "d_1" }).totalCount, 12);
    assert.equal(reader.tasks(id, { limit: 50, search: "d%1" }).totalCount, 0);
    assert.equal(reader.tasks(id, { limit: 50, state: "success" }).totalCount, 0);
    assert.equal(reader.recentEvents(id, null, 5).length, 5);
    assert.equal(reader.recentEvents(id, "schedule.", 5).length, 0);
    await fixture.brain.close();
  });

  it("answers nothing for unknown projects", async () => {
    const { brain } = await openFixture();
    assert.deepEqual(brain.reader.tasks("nope", { limit: 5 }).items, []);
    assert.deepEqual(brain.reader.workers("nope"), []);
    assert.equal(brain.reader.stats("nope").agentsOnline, 0);
    await brain.close();
  });
});
