import { VERSION } from "@z4j/core/diagnostics";
import { CLOSE, type HelloPayload, PROTOCOL_VERSION } from "@z4j/core/protocol";
import { createWebSocketTransport, type SessionEnd } from "@z4j/core/transport";
import { type DoctorContext, routeOf } from "../context.ts";
import type { LiveAgent } from "../live_agents.ts";
import { fail, type Finding, ok, type Probe, skip } from "../probe.ts";
import { silenced } from "./proxy.ts";

/**
 * A whole session. The last hello wins at the stock brain, so it is sent only
 * when live agents tell what they announce, or on demand.
 */
export const handshakeProbe: Probe = {
  id: "handshake",
  title: "full session",
  needs: ["websocket", "token"],
  async run(context) {
    const left = silenced(context);
    if (left !== null) return left;
    if (context.values.transport === "longpoll") return skip("Z4J_TRANSPORT is longpoll");
    const mates = (await context.liveAgents()).filter(({ sharesToken }) => sharesToken);
    // While none is connected, commands that wait would come to us.
    const isSafe = mates.some(({ presence }) => presence.status.state === "connected");
    if (!isSafe && context.options.handshake !== true) {
      return skip(
        "no hello is sent, as no live agent tells what to announce (--handshake sends one)",
      );
    }
    return await shakeHands(helloLike(mates), context);
  },
};

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

// A brain that has too many workers says so right after its hello_ack.
const SETTLE_MS = 250;

async function shakeHands(hello: HelloPayload, context: DoctorContext): Promise<Finding> {
  const { brainUrl, network } = routeOf(context);
  const transport = createWebSocketTransport({
    brainUrl,
    token: context.values.token ?? "",
    allowInsecure: context.values.devMode ?? false,
    webSocket: network.webSocket,
  });
  let end: SessionEnd | undefined;
  let wake = (): void => {};
  const ended = new Promise<void>((resolve) => wake = resolve);
  const handlers = {
    message() {},
    ended(why: SessionEnd) {
      end = why;
      wake();
    },
  };
  const outcome = await transport.open(hello, handlers, AbortSignal.timeout(context.timeoutMs));
  if (outcome.kind === "refused") return refusal(outcome.end);
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, SETTLE_MS))]);
  const early = end;
  await outcome.session.close();
  if (early !== undefined) return refusal(early);
  const { brainVersion, heartbeatIntervalMs } = outcome.session.terms;
  const facts = { brain_version: brainVersion, heartbeat_seconds: heartbeatIntervalMs / 1000 };
  return ok(`the brain ${brainVersion} took a session of protocol ${PROTOCOL_VERSION}`, facts);
}

function refusal({ code, class: kind, advice }: SessionEnd): Finding {
  const facts = { code, class: kind };
  if (kind === "incompatible") return fail("Z4J_DOCTOR_PROTOCOL_MISMATCH", advice, { facts });
  if (code === CLOSE.tooMany) return fail("Z4J_DOCTOR_WORKER_CAP", advice, { facts });
  if (code === CLOSE.revoked) return fail("Z4J_DOCTOR_TOKEN_REVOKED", advice, { facts });
  return fail("Z4J_DOCTOR_HANDSHAKE_FAILED", advice, { facts });
}
