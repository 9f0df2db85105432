import { deepStrictEqual as deepEqual, strictEqual as equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createLive, LIVE_PULSE_MS, MAX_LIVE_STREAMS } from "../../src/brain/live.ts";
import { fakeCore } from "../_support/fake_core.ts";
import { type ServedBrain, serveFakeBrain } from "../_support/http_brain.ts";

const LIVE = "/api/v1/projects/default/live";
type Stream = ReadableStreamDefaultReader<Uint8Array>;

/** Reads until the text holds `wanted`; fails when the stream ends first. */
async function readUntil(stream: Stream, wanted: string): Promise<string> {
  let text = "";
  while (!text.includes(wanted)) {
    const part = await stream.read();
    if (part.done) throw new Error(`the stream ended after ${text}`);
    text += new TextDecoder().decode(part.value);
  }
  return text;
}

/** A clock whose timers tests fire by hand. */
function handClock() {
  const timers = new Map<() => void, number>();
  return {
    timers,
    now: () => 0,
    monotonic: () => 0,
    setTimer(callback: () => void, delayMs: number) {
      timers.set(callback, delayMs);
      return () => void timers.delete(callback);
    },
    fire() {
      for (const callback of [...timers.keys()]) {
        timers.delete(callback);
        callback();
      }
    },
  };
}

describe("GET live", () => {
  let served: ServedBrain;
  before(async () => {
    served = await serveFakeBrain();
  });
  after(() => served.brain.close());

  it("delivers a change with its topics, merged", async () => {
    const stop = new AbortController();
    const response = await served.call(LIVE, { signal: stop.signal });
    equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    const stream = response.body?.getReader() as Stream;
    await readUntil(stream, "event: ready");
    served.state.change("tasks");
    served.state.change("queues", "tasks");
    const text = await readUntil(stream, "event: change\ndata: ");
    equal(text.includes('{"topics":["queues","tasks"]}'), true, text);
    stop.abort();
    await stream.cancel().catch(() => {});
  });

  it("answers 404 for an unknown project", async () => {
    equal((await served.call("/api/v1/projects/none/live")).status, 404);
  });

  it("forgets pages that went away", async () => {
    const stops = Array.from({ length: MAX_LIVE_STREAMS }, () => new AbortController());
    for (const { signal } of stops) equal((await served.call(LIVE, { signal })).status, 200);
    const refused = await served.call(LIVE);
    await refused.body?.cancel();
    equal(refused.status, 503);
    for (const stop of stops) stop.abort();
    let status = 503;
    for (const end = Date.now() + 5_000; status === 503 && Date.now() < end;) {
      const response = await served.call(LIVE);
      status = response.status;
      await response.body?.cancel();
      await new Promise((go) => setTimeout(go, 20));
    }
    equal(status, 200);
  });

  it("ends its streams when the brain closes", async () => {
    const other = await serveFakeBrain();
    const stream = (await other.call(LIVE)).body?.getReader() as Stream;
    await readUntil(stream, "event: ready");
    await other.brain.close();
    equal(await stream.read().then((part) => part.done, () => true), true);
  });
});

describe("createLive()", () => {
  it("pulses while somebody listens and sets no timer otherwise", async () => {
    const clock = handClock();
    const live = createLive(fakeCore().reader, clock);
    equal(clock.timers.size, 0);
    const stream = live.open()?.getReader() as Stream;
    await readUntil(stream, "event: ready");
    deepEqual([...clock.timers.values()], [LIVE_PULSE_MS]);
    clock.fire();
    equal(await readUntil(stream, "\n\n"), ": pulse\n\n");
    await stream.cancel();
    equal(live.size, 0);
    equal(clock.timers.size, 0);
  });

  it("refuses a stream above its bound and takes one again after a leave", async () => {
    const live = createLive(fakeCore().reader, handClock());
    const streams = Array.from({ length: MAX_LIVE_STREAMS }, () => live.open());
    equal(live.size, MAX_LIVE_STREAMS);
    equal(live.open(), null);
    await streams[0]?.cancel();
    equal(live.open() === null, false);
  });

  it("drops a stream that nobody reads", () => {
    const core = fakeCore();
    const clock = handClock();
    const live = createLive(core.reader, clock);
    live.open();
    for (let i = 0; i < 200 && live.size > 0; i++) {
      core.state.change("tasks");
      clock.fire();
    }
    equal(live.size, 0);
  });
});
