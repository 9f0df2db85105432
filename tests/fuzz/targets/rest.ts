import { match, ok } from "node:assert/strict";
import type { JsonObject } from "../../../src/base/json.ts";
import { COMMAND_DRAFTS } from "../../../src/brain/api_commands.ts";
import type { PeerAgent } from "../../_support/brain_peer.ts";
import { mutate, objectText, stringText, valueText } from "../grammar.ts";
import type { Random } from "../random.ts";
import type { FuzzBed, FuzzTarget } from "../target.ts";
import { BrainBed, turns } from "./brain_bed.ts";

interface RestCase {
  readonly method: string;
  readonly path: string;
  readonly type: string | null;
  readonly body: string | null;
}

const P = "/api/v1/projects/default";
// Answers of a route that looked at its input; everything from 500 on means it did not.
const STATUSES: ReadonlySet<number> = new Set(
  [200, 201, 202, 204, 303, 400, 401, 404, 405, 409, 410, 413, 415, 422],
);
const SECRETS = /\bat .{1,80}:\d+:\d+|\/src\/|\.ts\b|node_modules|SQLITE|Z4J_/;
const TYPES = ["application/json", "application/json; charset=utf-8", "text/plain", null]
  .concat("application/json; charset=utf-16", "multipart/form-data");

// Members with their right texts; "@" stands for the id of the agent in the bed.
const ANY = {
  agent_id: '"@"',
  engine: '"bullmq"',
  task_id: '"mail:1"',
  queue: '"mail"',
  worker_name: '"w"',
};
const BODIES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "retry-task": { override_args: "[1]", override_kwargs: "{}", eta_seconds: "5" },
  "bulk-retry": { filter: '{"engine":"bullmq","task_ids":["mail:2"]}', max: "10" },
  "purge-queue": { observed_depth: "3", confirm_token: '"t"', force: "true" },
  "rate-limit": { task_name: '"send"', rate: '"10/m"' },
  "queue-concurrency": { concurrency: "3" },
  "submit-task": { name: '"send"', args: "[1]", kwargs: '{"a":1}' },
  "pool-resize": { delta: "1" },
};
const FORMS = ["/agents", "/sign-out", "/bulk-retry", "/bulk-retry?state=failure&search=m"]
  .concat("/tasks/bullmq/mail%3A1/cancel", "/tasks/bullmq/mail%3A2/retry", "/schedules/x/delete")
  .concat("/schedules/x/enable", "/agents/x/revoke", "/dead-letters/bullmq/requeue")
  .concat(
    ["pause", "resume", "concurrency", "rate", "purge", "odd"].map((a) =>
      `/queues/bullmq/mail/${a}`
    ),
  );

/** Every route that takes a body, and lists with odd queries. */
export const restTarget: FuzzTarget = {
  name: "rest",
  perBed: 500,
  make: (random) => JSON.stringify(makeCase(random)),
  open: () => RestBed.open(),
};

function makeCase(random: Random): RestCase {
  const shape = random.below(12);
  if (shape < 7) return command(random);
  if (shape === 7) return json(random, `${P}/agents`, { name: random.pick(['"n"', '"n"']) });
  if (shape === 8) return scheduleWrite(random);
  if (shape === 9) return form(random);
  if (shape === 10) return list(random);
  const method = random.pick(["POST", "PUT", "PATCH", "DELETE"]);
  const path = random.pick([`${P}/schedules:resync`, `${P}/schedules/x/enable`, "/api/v1/none"])
    .concat(random.pick(["", "/", "?a=%ff", "%00"]));
  return { method, path, type: "application/json", body: valueText(random, 3) };
}

function command(random: Random): RestCase {
  const name = random.pick(Object.keys(COMMAND_DRAFTS));
  const key = random.below(3) === 0 ? { idempotency_key: '"k"' } : {};
  return json(random, `${P}/commands/${name}`, { ...ANY, ...BODIES[name], ...key });
}

function scheduleWrite(random: Random): RestCase {
  return json(random, `${P}/schedules/native-operations`, {
    scheduler: '"bullmq"',
    operation: random.pick(['"create"', '"update"', '"delete"']),
    schedule_id: '"x"',
    definition: valueText(random, 3),
  });
}

function json(random: Random, path: string, members: Record<string, string>): RestCase {
  let body = objectText(random, members, 6);
  if (random.below(8) === 0) body = mutate(body, random);
  if (random.below(30) === 0) body = valueText(random, 3);
  if (random.below(60) === 0) body = `${" ".repeat(70_000)}${body}`;
  const type = random.below(8) > 0 ? "application/json" : random.pick(TYPES);
  return { method: "POST", path, type, body };
}

function form(random: Random): RestCase {
  const names = ["name", "value", "confirm", "depth", "task_id", "queue", "change"];
  const texts = names.filter(() => random.below(2) === 0).map((name) => {
    const value = random.pick([
      "mail",
      "3",
      "-1",
      "1e999",
      "NaN",
      "10/m",
      "%00",
      "%ff",
      "%",
      "mail:2",
    ]);
    return `${name}=${random.below(2) === 0 ? value : encoded(stringText(random))}`;
  });
  const type = "application/x-www-form-urlencoded";
  return { method: "POST", path: random.pick(FORMS), type, body: texts.join("&") };
}

function list(random: Random): RestCase {
  const names = ["state", "engine", "queue", "name", "worker", "search", "since", "until", "cursor"]
    .concat("limit", "status", "include_total", "task_id");
  const query = names.filter(() => random.below(3) === 0).map((name) => {
    const odd = ["%", "%ff", "%00", "0", "-1", "1e9", "failure", "2026-01-01", "%F0%9F%98%80", "*"];
    return `${name}=${random.below(2) === 0 ? random.pick(odd) : encoded(stringText(random))}`;
  });
  const path = random.pick([`${P}/tasks`, `${P}/events`, `${P}/commands`, "/", "/fragments/tasks"])
    .concat("?", query.join("&"));
  return { method: "GET", path, type: null, body: null };
}

/** In percent signs; what UTF-8 cannot say becomes a question mark. */
function encoded(text: string): string {
  return encodeURIComponent(text.replace(/[\ud800-\udfff]/g, "?")).slice(0, 2_000);
}

class RestBed implements FuzzBed {
  readonly #bed: BrainBed;
  readonly #peer: PeerAgent;
  // The same idempotency key answers with the command that was sent before.
  readonly #delivered = new Set<string>();

  private constructor(bed: BrainBed, peer: PeerAgent) {
    this.#bed = bed;
    this.#peer = peer;
  }

  static async open(): Promise<RestBed> {
    const bed = await BrainBed.open();
    const peer = await bed.connect();
    await bed.fill(peer);
    return new RestBed(bed, peer);
  }

  async check(text: string): Promise<string> {
    const { method, path, type, body } = JSON.parse(text) as RestCase;
    const response = await this.#bed.ask(path, {
      method,
      headers: type === null ? {} : { "content-type": type },
      ...(body === null ? {} : { body: body.replaceAll('"@"', `"${this.#bed.minted.agent.id}"`) }),
    });
    const answer = await response.text();
    const told = `${response.status} ${answer.slice(0, 300)}`;
    ok(STATUSES.has(response.status), told);
    ok(!SECRETS.test(response.status >= 400 ? answer : ""), `tells too much: ${told}`);
    if (path.startsWith("/api/")) requireJson(response, answer, told);
    this.#bed.requireQuiet();
    if (response.status === 202) await this.#requireDelivery(answer, told);
    return `${method} ${response.status}`;
  }

  async finish(): Promise<void> {
    try {
      await this.#bed.requireReadable();
    } finally {
      await this.#bed.close();
    }
  }

  /** What was accepted for an agent that is there reaches it, in a frame that it takes. */
  async #requireDelivery(answer: string, told: string): Promise<void> {
    const { id } = JSON.parse(answer) as JsonObject;
    if (typeof id !== "string" || this.#delivered.has(id)) return;
    this.#delivered.add(id);
    const { sent } = this.#peer.socket;
    await turns(
      `the command of ${told}`,
      () => sent.findLast((one) => one.includes(id)) !== undefined,
    );
    await this.#peer.frame((frame) => frame.id === id, `the command of ${told}`);
    this.#peer.frames.length = 0;
    this.#bed.requireQuiet();
  }
}

function requireJson(response: Response, answer: string, told: string): void {
  if (response.status === 204) return;
  match(response.headers.get("content-type") ?? "", /^application\/json\b/, told);
  const value = JSON.parse(answer) as JsonObject;
  if (response.status >= 400) ok(typeof value["detail"] === "string", told);
}
