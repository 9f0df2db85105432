import { deepStrictEqual as deepEqual, match, ok, strictEqual as equal } from "node:assert/strict";
import type { JsonObject } from "../../../src/base/json.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { encodeCanonical } from "../../../src/protocol/canonical_json.ts";
import { decodeHmacSecret, type HmacKey } from "../../../src/protocol/hmac.ts";
import { createFrameVerifier, type FrameVerifier } from "../../../src/protocol/signing.ts";
import { uploadEffect } from "../../../src/protocol/verify_outcome.ts";
import { wireEvent } from "../../_support/brain_peer.ts";
import {
  batchText,
  changedText,
  type FrameSource,
  frameText,
  mutationText,
  quickKey,
  saysTheSame,
  signedText,
} from "../frame_grammar.ts";
import { mutate, stringText, valueText } from "../grammar.ts";
import type { Random } from "../random.ts";
import type { FuzzBed, FuzzTarget } from "../target.ts";
import { BrainBed } from "./brain_bed.ts";

/** A frame of an upload: signed as it is, an honest batch, one that is changed after signing, any text. */
interface UploadFrame {
  readonly kind: "signed" | "honest" | "mutated" | "text";
  readonly text: string;
}

interface PollCase {
  readonly method: string;
  /** Path below `/api/v1/agent` with its query. */
  readonly path: string;
  /** Headers that are not as they should be; `null` leaves one out. */
  readonly headers: Readonly<Record<string, string | null>>;
  readonly frames: readonly UploadFrame[];
  /** Change of the body around the frames; `null` for none. */
  readonly change: string | null;
  /** A body without frames, in place of one with them. */
  readonly body: string | null;
  /** Whether a command waits. */
  readonly command: boolean;
}

const STATUSES: ReadonlySet<number> = new Set([200, 400, 401, 404, 405, 409, 413, 422]);
const SECRETS = /\bat .{1,80}:\d+:\d+|\/src\/|\.ts\b|node_modules|SQLITE|Z4J_/;
const BODY_BYTES = 100_000;
const MAX_ERRORS = 10;
// A poll that finds nothing waits so long for commands that are being prepared.
const PREPARE_MS = 25;
const ODD = ["", " ", "x", "é", "n".repeat(128), "n".repeat(129), "0", "a b", "a,b", "Bearer "]
  .concat("bullmq=1", "bullmq=1,bullmq=1", "bullmq=2", "=1", "bullmq=1,,", "x".repeat(9_000));
const NAMES = ["x-z4j-session-nonce", "authorization", "x-z4j-retry-contracts", "content-type"]
  .concat("content-encoding", "transfer-encoding", "origin", "x-z4j-agent-id");
const PATHS = ["/events", "/commands?wait=0", "/events/", "/Events", "/", "/x", "/%00"]
  .concat("/commands/../events", "/events?wait=0", "//events");

/** The door for agents whose network lets no socket through: uploads, polls, probes. */
export const longPollTarget: FuzzTarget = {
  name: "long_poll",
  perBed: 1_000,
  make: (random) => JSON.stringify(makeCase(random)),
  open: () => LongPollBed.open(),
};

function makeCase(random: Random): PollCase {
  const shape = random.below(20);
  const right = {
    ...{ method: "POST", path: "/events", headers: {}, frames: [], change: null, body: null },
    command: random.below(8) === 0,
  };
  if (shape < 12) return { ...right, frames: uploadFrames(random) };
  if (shape < 14) return { ...right, frames: uploadFrames(random), change: mutate("", random) };
  if (shape === 14) return { ...right, body: bodyText(random) };
  if (shape < 18) return { ...right, method: "GET", path: pollPath(random) };
  const odd = { ...right, headers: oddHeaders(random), frames: uploadFrames(random) };
  if (shape === 18) return odd;
  const method = random.pick(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]);
  return {
    ...odd,
    headers: random.below(2) === 0 ? {} : odd.headers,
    method,
    path: random.pick(PATHS),
  };
}

function uploadFrames(random: Random): readonly UploadFrame[] {
  const count = random.below(40) === 0 ? 501 : 1 + random.below(4);
  if (count > 4) return Array.from({ length: count }, () => ({ kind: "text", text: "x" }));
  return Array.from({ length: count }, () => {
    const shape = random.below(10);
    if (shape < 6) return { kind: "signed", text: frameText(random) };
    if (shape === 6) return { kind: "honest", text: "" };
    if (shape < 9) return { kind: "mutated", text: mutationText(random) };
    return { kind: "text", text: mutate(random.pick(["x", "{}", "[]", '{"v":2}', ""]), random) };
  });
}

function bodyText(random: Random): string {
  const frames = random.pick([
    valueText(random, 2),
    `[${valueText(random, 1)}]`,
    `[${stringText(random)},${stringText(random)}]`,
    `[${Array.from({ length: 501 }, () => '""').join(",")}]`,
  ]);
  const body = random.pick([`{"frames":${frames}}`, `{"Frames":${frames}}`, frames, ""]);
  if (random.below(30) === 0) return body + " ".repeat(BODY_BYTES);
  return random.below(3) === 0 ? mutate(body, random) : body;
}

function pollPath(random: Random): string {
  // No valid wait of a second or more: nothing would come while it lasts.
  const numbers = [
    "0",
    "0",
    "0",
    "0",
    "0",
    "0",
    "-1",
    "61",
    "1e9",
    "",
    "00",
    "+1",
    "0x1",
    "9".repeat(30),
    "é",
    "%00",
  ];
  const frames = [
    "0",
    "1",
    "2",
    "3",
    "20",
    "500",
    "500",
    "501",
    "-0",
    "1.5",
    "NaN",
    "%",
    "0".repeat(4),
  ];
  const query = [`wait=${random.pick(numbers)}`];
  if (random.below(2) === 0) query.push(`max_frames=${random.pick(frames)}`);
  if (random.below(8) === 0) query.push("wait=0");
  return `/commands?${query.join("&")}`;
}

function oddHeaders(random: Random): Record<string, string | null> {
  const headers: Record<string, string | null> = {};
  for (let n = random.below(2); n >= 0; n--) {
    headers[random.pick(NAMES)] = random.below(4) === 0 ? null : random.pick(ODD);
  }
  return headers;
}

class LongPollBed implements FuzzBed {
  readonly #bed: BrainBed;
  readonly #key: HmacKey;
  #source: FrameSource;
  #verifier: FrameVerifier | undefined;
  // Sees what the brain sees: tells what a session should make of it.
  #mirror: FrameVerifier | undefined;
  #seq = 0;
  #batches = 0;

  private constructor(bed: BrainBed, key: HmacKey, secret: Uint8Array) {
    this.#bed = bed;
    this.#key = key;
    const [agentId, projectId] = [bed.minted.agent.id, bed.brain.project.id];
    this.#source = { agentId, projectId, sessionId: "", secret };
  }

  static async open(): Promise<LongPollBed> {
    const limits = { longPollBodyBytes: BODY_BYTES };
    const bed = await BrainBed.open({ quickMs: PREPARE_MS, limits });
    const secret = decodeHmacSecret(bed.minted.hmacSecret);
    return new LongPollBed(bed, quickKey(secret), secret);
  }

  async check(text: string): Promise<string> {
    const one = JSON.parse(text) as PollCase;
    if (this.#verifier === undefined) await this.#probe();
    if (one.command) this.#issue();
    const batches: OwnBatch[] = [];
    const frames = one.frames.map((frame) => this.#frame(frame, batches));
    const response = await this.#bed.ask(`/api/v1/agent${one.path}`, this.#request(one, frames));
    const answer = await response.text();
    const told = `${response.status} ${answer.slice(0, 300)}`;
    ok(STATUSES.has(response.status), told);
    ok(response.status < 400 || !SECRETS.test(answer), `tells too much: ${told}`);
    this.#bed.requireQuiet();
    let what = isUpload(one) ? "upload" : "poll";
    if (response.status === 200) what += await this.#requireSane(one, answer, told);
    else if (one.method !== "HEAD") requireDetail(response, answer, told);
    const isJudged = isWhole(one) && (response.status === 200 || response.status === 409);
    if (isJudged) await this.#requireEffects(frames, response.status);
    this.#requireStored(batches, isJudged && response.status === 200);
    if (!isJudged && isUpload(one) && response.status === 200) await this.#end();
    // The nonce of a session that was invalidated is spent.
    if (response.status === 409) this.#verifier = undefined;
    return `${what} ${response.status}`;
  }

  async finish(): Promise<void> {
    try {
      await this.#bed.requireReadable();
    } finally {
      await this.#bed.close();
    }
  }

  /** Begins a session with a fresh nonce. */
  async #probe(): Promise<void> {
    const sessionId = crypto.randomUUID();
    this.#source = { ...this.#source, sessionId };
    this.#seq = 0;
    const path = "/api/v1/agent/commands?wait=0&max_frames=0";
    const response = await this.#bed.ask(path, { headers: this.#headers({}) });
    deepEqual([response.status, await response.text()], [200, '{"frames":[]}']);
    const identity = { ...this.#source };
    const parts = { key: this.#key, identity, clock: systemClock };
    this.#verifier = createFrameVerifier({ ...parts, direction: "brain_to_agent" });
    this.#mirror = createFrameVerifier({ ...parts, direction: "agent_to_brain" });
  }

  /** Ends the session by a forged frame: the mirror does not know how far it came. */
  async #end(): Promise<void> {
    const honest = signedText(batchText("end", []), this.#source, () => ++this.#seq);
    const body = JSON.stringify({ frames: [honest.replace('"end"', '"and"')] });
    const init = { method: "POST", headers: this.#headers({}), body };
    equal((await this.#bed.ask("/api/v1/agent/events", init)).status, 409);
    this.#verifier = undefined;
  }

  #issue(): void {
    const { brain, minted } = this.#bed;
    brain.operator.issueCommand({
      projectId: brain.project.id,
      agentId: minted.agent.id,
      action: "cancel_task",
      target: { type: "task", id: "1", engine: "bullmq" },
      parameters: {},
    });
  }

  #frame({ kind, text }: UploadFrame, batches: OwnBatch[]): string {
    if (kind === "text") return text;
    if (kind === "signed") return signedText(text, this.#source, () => ++this.#seq);
    // Its only event belongs to a task of its own: what is there afterwards was taken.
    const taskId = `own:${this.#batches++}`;
    const event = encodeCanonical(wireEvent({ task_id: taskId }));
    const honest = signedText(batchText(taskId, [event]), this.#source, () => ++this.#seq);
    const sent = kind === "honest" ? honest : changedText(honest, text);
    batches.push({ taskId, honest, sent });
    return sent;
  }

  #headers(odd: PollCase["headers"]): Headers {
    const headers = new Headers({
      authorization: `Bearer ${this.#bed.minted.token}`,
      "x-z4j-session-nonce": this.#source.sessionId,
      "content-type": "application/json",
    });
    for (const [name, value] of Object.entries(odd)) {
      if (value === null) headers.delete(name);
      else headers.set(name, value);
    }
    return headers;
  }

  #request(
    { method, headers, change, body: other }: PollCase,
    frames: readonly string[],
  ): RequestInit {
    const right = { method, headers: this.#headers(headers) };
    if (method === "GET" || method === "HEAD") return right;
    const whole = other ?? JSON.stringify({ frames });
    const at = Math.floor(whole.length / 2);
    return {
      ...right,
      body: change === null ? whole : whole.slice(0, at) + change + whole.slice(at),
    };
  }

  /** What a good answer says: whole counts of an upload, frames that verify of a poll. */
  async #requireSane(one: PollCase, answer: string, told: string): Promise<string> {
    if (one.method === "HEAD") return "";
    const body = JSON.parse(answer) as JsonObject;
    if (!isUpload(one)) {
      ok(Array.isArray(body["frames"]), told);
      for (const frame of body["frames"]) {
        const outcome = await this.#verifier?.verify(String(frame));
        ok(outcome?.ok === true, `the brain sent a frame that does not verify: ${told}`);
      }
      return body["frames"].length > 0 ? " with commands" : "";
    }
    const [accepted, rejected, errors] = [body["accepted"], body["rejected"], body["errors"]];
    const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
    ok(isCount(accepted) && isCount(rejected), told);
    ok(Array.isArray(errors) && errors.length <= MAX_ERRORS, told);
    return "";
  }

  /** The session ends for a forged or repeated frame, and for nothing else. */
  async #requireEffects(frames: readonly string[], status: number): Promise<void> {
    let effect = "none";
    for (const frame of frames) {
      const outcome = await this.#mirror?.verify(frame);
      if (outcome !== undefined) effect = uploadEffect(outcome);
      if (effect === "session_invalidated") break;
    }
    equal(status, effect === "session_invalidated" ? 409 : 200, `${frames.join("\n")}`);
  }

  /** What was changed after it was signed left no trace; what was not is there. */
  #requireStored(batches: readonly OwnBatch[], isTaken: boolean): void {
    const { core, brain } = this.#bed;
    for (const { taskId, honest, sent } of batches) {
      const isThere = core.reader.task(brain.project.id, "bullmq", taskId) !== null;
      if (isThere) ok(saysTheSame(sent, honest), `taken: ${sent}`);
      else if (isTaken) ok(sent !== honest, `lost: ${sent}`);
    }
  }
}

/** A batch of one event, as it was signed and as it was sent. */
interface OwnBatch {
  readonly taskId: string;
  readonly honest: string;
  readonly sent: string;
}

/** An upload of frames that arrive as they were sent. */
function isWhole(one: PollCase): boolean {
  const isPlain = one.body === null && one.change === null && Object.keys(one.headers).length === 0;
  return isPlain && one.method === "POST" && isUpload(one);
}

function isUpload({ path }: PollCase): boolean {
  return new URL(`http://brain${path}`).pathname === "/events";
}

function requireDetail(response: Response, answer: string, told: string): void {
  match(response.headers.get("content-type") ?? "", /^application\/json\b/, told);
  ok(typeof (JSON.parse(answer) as JsonObject)["detail"] === "string", told);
}
