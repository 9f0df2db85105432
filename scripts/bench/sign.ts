/** How fast stored event texts become signed frames: the agent's pump and signer. */
import { createPump, type Pump } from "../../src/agent/pump.ts";
import { systemClock } from "../../src/base/clock.ts";
import { noopLogger } from "../../src/base/logger.ts";
import { createGroupedBuffer } from "../../src/buffer/grouped.ts";
import type { EventStore, StoredEntry } from "../../src/buffer/port.ts";
import { importHmacKey } from "../../src/protocol/hmac.ts";
import { createFrameSigner, type FrameSigner } from "../../src/protocol/signing.ts";
import { meanBytes, mixedJobs, storedEntries } from "./job_mix.ts";
import { cpuMs, figure, median, publish, short } from "./measure.ts";

const BATCH_EVENTS = 500;
const FRAMES_PER_ROUND = 200;
const ROUNDS = 7;
const IDENTITY = { agentId: "a".repeat(36), projectId: "p".repeat(36), sessionId: "s".repeat(36) };

/** A store that gives the same entries at every read: nothing but the pump is measured. */
function sameAgain(entries: readonly StoredEntry[]): EventStore {
  return {
    capabilities: { kind: "memory", durable: false, path: null },
    storeId: "bench",
    append: () => ({}),
    read: () => entries,
    removeRange() {},
    depth: () => ({ count: entries.length, bytes: 0 }),
    losses: () => ({}),
    getMeta: () => null,
    setMeta() {},
    close() {},
  };
}

/** A pump in a session whose probe was acknowledged. */
async function runningPump(entries: readonly StoredEntry[]): Promise<Pump> {
  const buffer = createGroupedBuffer({ store: sameAgain(entries) });
  const pump = createPump({ buffer, clock: systemClock, logger: noopLogger });
  pump.begin({
    identity: IDENTITY,
    brainVersion: "bench",
    heartbeatIntervalMs: 10_000,
    maxFrameBytes: 1_048_576,
    clockOffsetMs: 0,
  }, { wake() {}, verified() {}, giveUp() {} });
  await takeBatch(pump, 0);
  return pump;
}

/** The payload of the next batch, acknowledged at once. */
async function takeBatch(pump: Pump, expected: number): Promise<Batch> {
  const batch = await pump.next();
  if (batch?.count !== expected) {
    throw new Error(`a batch has ${batch?.count} events, expected ${expected}`);
  }
  pump.sent(batch);
  pump.acked(batch.id);
  return batch;
}

interface Batch {
  readonly id: string;
  readonly payloadText: string;
}

interface Pace {
  readonly perSecond: number;
  readonly cpuUs: number;
}

async function round(pump: Pump, signer: FrameSigner): Promise<Pace> {
  const [cpu, wall] = [cpuMs(), performance.now()];
  for (let i = 0; i < FRAMES_PER_ROUND; i++) {
    const { id, payloadText } = await takeBatch(pump, BATCH_EVENTS);
    const text = await signer.sign({ type: "event_batch", id, payloadText });
    if (text.length <= payloadText.length) throw new Error("a frame is shorter than its payload");
  }
  const events = FRAMES_PER_ROUND * BATCH_EVENTS;
  const spentMs = performance.now() - wall;
  return { perSecond: events / spentMs * 1000, cpuUs: (cpuMs() - cpu) * 1000 / events };
}

/** Events a second if a frame cost nothing but the bare HMAC of its bytes. */
async function bareHmac(secret: Uint8Array<ArrayBuffer>, bytes: number): Promise<number> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
  const data = new Uint8Array(bytes);
  const startedAt = performance.now();
  for (let i = 0; i < FRAMES_PER_ROUND; i++) await crypto.subtle.sign("HMAC", key, data);
  return FRAMES_PER_ROUND * BATCH_EVENTS / (performance.now() - startedAt) * 1000;
}

async function measure(): Promise<void> {
  const stored = storedEntries(mixedJobs(BATCH_EVENTS)).slice(0, BATCH_EVENTS);
  const entries = stored.map((entry, i) => ({ ...entry, id: i + 1 }));
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const key = await importHmacKey(secret);
  const signer = createFrameSigner({ key, identity: IDENTITY, clock: systemClock });
  const pump = await runningPump(entries);
  await round(pump, signer);
  const rounds: Pace[] = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await round(pump, signer));
  const bytes = meanBytes(entries);
  const bare = await bareHmac(secret, Math.round(bytes) * BATCH_EVENTS);
  const share = median(rounds.map(({ perSecond }) => perSecond)) / bare;
  publish("sign", [
    figure("assemble and sign", "events/s", rounds.map(({ perSecond }) => perSecond), {
      is: "at least",
      value: 200_000,
    }),
    figure("CPU", "µs/event", rounds.map(({ cpuUs }) => cpuUs)),
  ], [
    `frames of ${BATCH_EVENTS} events of ${short(bytes)} bytes`,
    `this is ${short(share * 100)} % of the pace of the bare HMAC over the same bytes`,
  ]);
}

await measure();
