import type { Random } from "../chaos_parts/random.ts";
import { type Planner, request, type Target } from "./plan.ts";

const EVENTS = "POST /api/v1/agent/events";
const PROBE = "GET /api/v1/agent/commands?wait=0&max_frames=0";

function agent(target: Target, nonce: string): string[] {
  return [
    `Authorization: Bearer ${target.stolen}`,
    `X-Z4J-Session-Nonce: ${nonce}`,
    "Content-Type: application/json",
  ];
}

function nonceOf(random: Random): string {
  return `hostile-${random.int(0, 1e9)}`;
}

function upload(target: Target, nonce: string, body: string): string {
  return request(target, EVENTS, [...agent(target, nonce), `Content-Length: ${body.length}`], body);
}

/** A frame that nobody with the secret has signed. */
function forged(random: Random): string {
  return JSON.stringify({
    ...{ v: 2, type: "event_batch", id: "x", ts: new Date().toISOString(), nonce: nonceOf(random) },
    ...{ seq: random.int(1, 9), payload: { events: [] } },
    hmac: random.pick(["0".repeat(64), "", "x", "f".repeat(63)]),
  });
}

/** Attacks on the long-poll door, by kind: with an agent's token, never with its secret. */
export const LONG_POLL_PLANS: Readonly<Record<string, Planner>> = {
  "forged upload": (target, random) => {
    const nonce = nonceOf(random);
    const body = JSON.stringify({ frames: [forged(random), forged(random)] });
    // The probe of a session is answered with 200; what was forged must not be.
    const probe = request(target, PROBE, agent(target, nonce));
    return { parts: [probe, upload(target, nonce, body)], refused: false };
  },
  "upload without a session": (target, random) => ({
    parts: [upload(target, nonceOf(random), JSON.stringify({ frames: [forged(random)] }))],
  }),
  "upload that stops": (target, random) => ({
    parts: [
      request(
        target,
        EVENTS,
        [...agent(target, nonceOf(random)), "Content-Length: 50000"],
        '{"frames":["',
      ),
    ],
    then: random.pick(["hold", "half", "reset"]),
  }),
  "oversized upload": (target, random) => ({
    parts: [
      upload(
        target,
        nonceOf(random),
        `{"frames":["${"a".repeat(random.int(1_100_000, 3_000_000))}"]}`,
      ),
    ],
  }),
  "poll that is left": (target, random) => {
    const nonce = nonceOf(random);
    const poll = request(target, "GET /api/v1/agent/commands?wait=60", agent(target, nonce));
    const probe = request(target, PROBE, agent(target, nonce));
    return {
      parts: [probe, poll],
      paceMs: 5,
      then: random.pick(["half", "reset"]),
      refused: false,
    };
  },
  "odd nonce": (target, random) => ({
    parts: [
      request(
        target,
        random.pick([PROBE, EVENTS]),
        agent(target, random.pick(["", "x".repeat(129), "x".repeat(70_000), "\0", "a,b\t"])),
      ),
    ],
    refused: false,
  }),
};
