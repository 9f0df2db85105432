/** The pump beside its good days: no session, bad reads, refused and late batches. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { reloaded, storedBatch, unloaded } from "../../src/agent/batches.ts";
import { createCommandMemory } from "../../src/agent/command_memory.ts";
import { readCommand, type ReceivedCommand } from "../../src/agent/commands.ts";
import { trimEvent } from "../../src/agent/event_bounds.ts";
import { encodeEvent } from "../../src/agent/event_encoder.ts";
import { fitEntry } from "../../src/agent/fit_entry.ts";
import { COMMAND_MEMORY_ENTRIES, COMMAND_MEMORY_MS } from "../../src/agent/limits.ts";
import { createOutbox } from "../../src/agent/outbox.ts";
import { createPump, type Pump } from "../../src/agent/pump.ts";
import { utf8Length } from "../../src/agent/utf8_length.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type { EventBuffer, StoredEntry } from "../../src/buffer/port.ts";
import type { EventDraft } from "../../src/protocol/event_wire.ts";
import type { SignedFrame } from "../../src/protocol/frames.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake_clock.ts";
import type { SessionEnd } from "../../src/transport/port.ts";
import { keepingLogger, memoryBuffer, SESSION_TERMS } from "../_support/agent_rig.ts";

const BAD_BATCH: SessionEnd = { class: "connection", code: 1011, advice: "because" };

interface Rig {
  readonly pump: Pump;
  readonly buffer: EventBuffer;
  readonly clock: FakeClock;
  readonly logger: ReturnType<typeof keepingLogger>;
  readonly gaveUp: string[];
  begin(): void;
}

async function rig(
  texts: readonly string[],
  change: (buffer: EventBuffer) => void = () => {},
): Promise<Rig> {
  const [clock, buffer, logger] = [createFakeClock(), memoryBuffer(), keepingLogger()];
  for (const text of texts) {
    buffer.push({ text, bytes: utf8Length(text), kind: "task.started", class: "progress" });
  }
  await buffer.settled();
  change(buffer);
  const pump = createPump({ buffer, clock, logger });
  const gaveUp: string[] = [];
  const host = { wake() {}, verified() {}, giveUp: (advice: string) => void gaveUp.push(advice) };
  return { pump, buffer, clock, logger, gaveUp, begin: () => pump.begin(SESSION_TERMS, host) };
}

async function send(pump: Pump): Promise<{ id: string; payloadText: string }> {
  const batch = await pump.next();
  assert.ok(batch !== null, "there is something to send");
  pump.sent(batch);
  return batch;
}

describe("createPump() without a session", () => {
  it("gives out nothing, believes no ack and is not ended twice", async () => {
    const { pump, buffer, clock } = await rig(['{"a":1}']);
    assert.equal(await pump.next(), null);
    pump.acked("unknown");
    pump.refused("unknown");
    pump.heard();
    pump.end(BAD_BATCH);
    assert.equal(clock.timerCount, 0);
    assert.equal(buffer.depth().count, 1);
  });

  it("gives a batch up that was handed over too late, and sends its events again", async () => {
    const { pump, clock, begin } = await rig(['{"a":1}']);
    begin();
    await send(pump);
    const stored = await pump.next();
    assert.ok(stored !== null);
    const publication = pump.publish(['{"s":1}']);
    const schedule = await pump.next();
    assert.ok(schedule !== null);
    pump.end({ ...BAD_BATCH, code: 1006 });
    pump.sent(stored);
    pump.sent(schedule);
    assert.equal(await publication, "lost");
    assert.deepEqual([pump.counters().sent, pump.counters().batchesInFlight], [0, 0]);
    assert.equal(clock.timerCount, 0);
    begin();
    await send(pump);
    assert.equal((await send(pump)).payloadText, '{"events":[{"a":1}]}');
  });
});

describe("createPump() and what a brain does not take", () => {
  it("drops a refused event alone, and sends a refused batch in smaller parts", async () => {
    const { pump, buffer, gaveUp, begin } = await rig(['{"a":1}', '{"b":2}']);
    begin();
    pump.acked((await send(pump)).id);
    pump.refused((await send(pump)).id);
    assert.equal(gaveUp.length, 1);
    assert.equal(buffer.depth().count, 2);
    pump.end({ ...BAD_BATCH, code: null });
    begin();
    pump.acked((await send(pump)).id);
    const halves: string[] = [];
    while (halves.length < 2) {
      const half = await send(pump);
      halves.push(half.payloadText);
      pump.refused(half.id);
    }
    await buffer.settled();
    assert.deepEqual(buffer.losses().content, { "task.started": 2 });
    assert.deepEqual(halves, ['{"events":[{"a":1}]}', '{"events":[{"b":2}]}']);
  });

  it("tells the stream whose publication was refused, and keeps the session", async () => {
    const { pump, gaveUp, begin } = await rig([]);
    begin();
    await send(pump);
    const publication = pump.publish(['{"s":1}']);
    pump.refused((await send(pump)).id);
    assert.equal(await publication, "lost");
    assert.deepEqual(gaveUp, []);
  });

  it("blames no event for a session that ended without any", async () => {
    const { pump, buffer, begin } = await rig([]);
    begin();
    pump.acked((await send(pump)).id);
    void pump.publish(['{"s":1}']);
    await send(pump);
    pump.end(BAD_BATCH);
    assert.deepEqual(buffer.losses().content, {});
  });

  it("looks on behind events that fit into no frame", async () => {
    const large = `{"a":"${"x".repeat(5000)}"}`;
    const { pump, buffer, begin } = await rig([large, large, '{"b":2}']);
    begin();
    await send(pump);
    assert.equal((await send(pump)).payloadText, '{"events":[{"b":2}]}');
    await buffer.settled();
    assert.deepEqual(buffer.losses().content, { "task.started": 2 });
  });

  it("tries again when stored events cannot be read now, and warns once", async () => {
    let broken = true;
    const { pump, logger, begin } = await rig(['{"a":1}'], (buffer) => {
      const read = buffer.read.bind(buffer);
      buffer.read = (afterId, limits) =>
        broken ? Promise.reject(new Error("disk I/O error")) : read(afterId, limits);
    });
    begin();
    await send(pump);
    assert.equal(await pump.next(), null);
    assert.equal(await pump.next(), null);
    broken = false;
    assert.equal((await send(pump)).payloadText, '{"events":[{"a":1}]}');
    assert.equal(logger.lines.filter(({ level }) => level === "warn").length, 1);
  });
});

describe("batches", () => {
  const entry = (id: number, text = "{}"): StoredEntry => ({ id, text, bytes: 2, kind: "k" });

  it("know their range, their only event and when the first one occurred", () => {
    const early = entry(3, '{"data":{"occurred_at":"x"},"occurred_at":"1970-01-01T00:00:01Z"}');
    const one = storedBatch(early, []);
    assert.deepEqual([one.firstId, one.lastId, one.only?.id, one.oldestMs], [3, 3, 3, 1000]);
    const more = storedBatch(entry(4, '{"occurred_at":"soon"}'), [entry(6)]);
    assert.deepEqual([more.firstId, more.lastId, more.only, more.oldestMs], [4, 6, null, null]);
    assert.equal(storedBatch(entry(1), []).oldestMs, null);
  });

  it("are the same again only when all of their events are there", () => {
    const batch = storedBatch(entry(1), [entry(2)]);
    const rest = unloaded(batch);
    assert.equal(reloaded(rest, [entry(1)]), null);
    assert.deepEqual(reloaded(rest, [entry(1), entry(2), entry(3)]), batch);
  });
});

describe("events that are too large", () => {
  it("keep the shape that a brain expects of what is cut out", () => {
    const long = "y".repeat(400);
    for (const key of ["kwargs", "context", "tags"]) {
      const trimmed = trimEvent({ data: { [key]: { long } } }, 200);
      assert.match(JSON.stringify(trimmed), new RegExp(`"${key}":\\{"removed":"\\[411 bytes`));
    }
    const text = trimEvent({ data: { result: long } }, 200);
    assert.match(JSON.stringify(text), /"result":"\[402 bytes removed/);
    assert.deepEqual(trimEvent({ data: "none" }, 1), { data: "none" });
  });

  it("are refused when what cannot be cut is too large, or is no event", () => {
    const redactor = createRedactor();
    const draft: EventDraft = {
      ...{ id: "i", engine: "e", kind: "task.started", occurred_at: "t" },
      task_id: "x".repeat(300_000),
      data: {},
    } as EventDraft;
    const plain = { redact: (value: unknown) => value } as typeof redactor;
    const privacy = (): JsonObject => ({});
    assert.throws(
      () => encodeEvent(draft, { redactor: plain, privacy }),
      new RangeError("the event is larger than a frame"),
    );
    const entry: StoredEntry = { id: 1, text: "", bytes: 900, kind: "k" };
    for (const text of ["[]", "no json", `{"task_id":"${"x".repeat(900)}"}`]) {
      assert.equal(fitEntry({ ...entry, text }, 100), null);
    }
  });
});

describe("createOutbox() in time", () => {
  it("passes over what nobody needs any more, and forgets answers that were sent", () => {
    const clock = createFakeClock();
    const outbox = createOutbox(clock, () => {});
    const push = (id: string, expiresAtMs: number | null, size = 1): boolean =>
      outbox.push({ type: "command_result", id, payloadText: "x".repeat(size), expiresAtMs });
    push("late", 1000);
    push("kept", 5000);
    clock.advance(1000);
    assert.equal(outbox.take()?.id, "kept");
    assert.equal(outbox.take(), undefined);
    // What was sent counts against the bound only as long as a session might repeat it.
    let pushed = 0;
    while (push(`large ${pushed}`, 2000, 1_000_000)) pushed++;
    while (outbox.take() !== undefined);
    assert.equal(push("no room", 9000, 1_000_000), false);
    clock.advance(1000);
    assert.equal(push("room", 9000, 1_000_000), true);
    outbox.begin();
    assert.deepEqual([outbox.take()?.id, outbox.take()?.id], ["kept", "room"]);
  });
});

describe("createCommandMemory()", () => {
  const command = (id: string): ReceivedCommand => ({
    ...{ id, action: "x", target: {}, parameters: {}, timeoutMs: 1, claimToken: null },
  });

  it("forgets the oldest command when it is full, and all of them in time", () => {
    const clock = createFakeClock();
    const memory = createCommandMemory(clock);
    for (let n = 0; n <= COMMAND_MEMORY_ENTRIES; n++) memory.begin(command(`c${n}`));
    assert.equal(memory.find(command("c0")), undefined);
    assert.equal(memory.find(command("c1"))?.id, "c1");
    clock.advance(COMMAND_MEMORY_MS);
    assert.equal(memory.find(command("c1")), undefined);
    memory.begin(command("new"));
    assert.equal(memory.find(command("new"))?.id, "new");
  });
});

describe("readCommand()", () => {
  it("gives what is missing or wrong its default", () => {
    const frame = { id: "c", payload: { action: 7, target: [], timeout_seconds: -1 } };
    assert.deepEqual(readCommand(frame as unknown as SignedFrame), {
      id: "c",
      action: "",
      target: {},
      parameters: {},
      timeoutMs: 60_000,
      claimToken: null,
    });
  });
});
