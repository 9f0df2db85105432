import { VERSION } from "@z4j/core/diagnostics";
import {
  createFrameSigner,
  decodeHmacSecret,
  encodeCanonical,
  type HelloPayload,
  importHmacKey,
  type JsonObject,
  PROTOCOL_VERSION,
  systemClock,
} from "@z4j/core/protocol";
import {
  createWebSocketTransport,
  type SessionEnd,
  type SessionTerms,
  type TransportSession,
} from "@z4j/core/transport";
import type { LiveAgent } from "./live_agents.ts";
import { probeEvent } from "./probe_event.ts";
import type { Route } from "./route.ts";

/** What became of a whole session. */
export type FullSession =
  /** The brain took it and acknowledged a signed batch. */
  | { readonly kind: "proved"; readonly terms: SessionTerms; readonly ms: number }
  /** It refused, or ended it. */
  | { readonly kind: "ended"; readonly end: SessionEnd; readonly wasOpen: boolean }
  /** It took the session and said nothing about the batch. */
  | { readonly kind: "unanswered"; readonly terms: SessionTerms };

/** What opening one needs. */
export interface FullSessionParts {
  readonly route: Route;
  readonly token: string;
  readonly hmacSecret: string;
  readonly allowInsecure: boolean;
  /** Live agents of the same token, whose inventory is announced. */
  readonly mates: readonly LiveAgent[];
  /** Whether the batch may hold an event. */
  readonly sendsEvent: boolean;
  readonly timeoutMs: number;
}

/** Announces what the live agents announce, and nothing less, under a worker id of its own. */
function helloLike(agents: readonly LiveAgent[]): HelloPayload {
  const announced = agents.map(({ presence }) => presence)
    .flatMap(({ announces, hello }) => hello === null ? [announces] : [announces, hello.announced]);
  const union = (lists: readonly (readonly string[])[]): string[] => [...new Set(lists.flat())];
  const names = union(announced.map(({ capabilities }) => Object.keys(capabilities)));
  return {
    protocol_version: PROTOCOL_VERSION,
    agent_version: `1.13.0+z4j-js.${VERSION}`,
    framework: agents[0]?.presence.framework ?? "bare",
    engines: union(announced.map(({ engines }) => engines)),
    schedulers: union(announced.map(({ schedulers }) => schedulers)),
    capabilities: Object.fromEntries(
      names.map((name) => [
        name,
        union(announced.map(({ capabilities }) => capabilities[name] ?? [])),
      ]),
    ),
    host: { name: "z4j-doctor" },
    worker_id: `z4j-doctor-${crypto.randomUUID()}`,
    worker_role: "other",
    runtime_features: ["retry_by_reference", "external_schedule_protocol_v1"],
  };
}

/** Opens a session, sends one signed batch, waits for its acknowledgement, leaves. */
export async function openFullSession(parts: FullSessionParts): Promise<FullSession> {
  const { route, token, allowInsecure, timeoutMs } = parts;
  const transport = createWebSocketTransport({
    brainUrl: route.brainUrl,
    token,
    allowInsecure,
    webSocket: route.network.webSocket,
  });
  const watch = new Watch();
  const signal = AbortSignal.timeout(timeoutMs);
  const startedAt = performance.now();
  const outcome = await transport.open(helloLike(parts.mates), watch, signal);
  if (outcome.kind === "refused") return { kind: "ended", end: outcome.end, wasOpen: false };
  const { session } = outcome;
  try {
    const id = await sendBatch(session, parts);
    const left = Math.max(100, timeoutMs - (performance.now() - startedAt));
    const answer = await watch.answer(id, left);
    if (answer === "acknowledged") {
      const ms = Math.round(performance.now() - startedAt);
      return { kind: "proved", terms: session.terms, ms };
    }
    if (answer === null) return { kind: "unanswered", terms: session.terms };
    return { kind: "ended", end: answer, wasOpen: true };
  } finally {
    await session.close();
  }
}

async function sendBatch(session: TransportSession, parts: FullSessionParts): Promise<string> {
  const signer = createFrameSigner({
    key: await importHmacKey(decodeHmacSecret(parts.hmacSecret)),
    identity: session.terms.identity,
    clock: systemClock,
  });
  const id = `doctor_${crypto.randomUUID()}`;
  const events: readonly JsonObject[] = parts.sendsEvent ? [probeEvent()] : [];
  const payloadText = encodeCanonical({ events });
  session.send(await signer.sign({ type: "event_batch", id, payloadText }));
  return id;
}

/** Waits for the acknowledgement or the end, whichever comes first. */
class Watch {
  readonly #texts: string[] = [];
  #end: SessionEnd | null = null;
  #wake: () => void = () => {};

  message(data: string | Uint8Array): void {
    this.#texts.push(typeof data === "string" ? data : new TextDecoder().decode(data));
    this.#wake();
  }

  ended(end: SessionEnd): void {
    this.#end = end;
    this.#wake();
  }

  async answer(id: string, timeoutMs: number): Promise<"acknowledged" | SessionEnd | null> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      // Who answers is not verified: a peer without the secret gains nothing by it.
      if (this.#texts.some((text) => text.includes("event_batch_ack") && text.includes(id))) {
        return "acknowledged";
      }
      if (this.#end !== null) return this.#end;
      const left = until - performance.now();
      if (left <= 0) return null;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
