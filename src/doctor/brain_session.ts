import {
  createFrameSigner,
  decodeHmacSecret,
  encodeCanonical,
  type FrameSigner,
  importHmacKey,
  type JsonObject,
  type SignedFrameType,
  systemClock,
} from "@z4j/core/protocol";
import { type Answer, request } from "./brain_http.ts";
import type { Route } from "./route.ts";

/** A long-poll session, which needs no hello and so disturbs no agent. */
export interface BrainSession {
  /** What the opening request was answered with. */
  readonly opening: Answer;
  /** The identities that the brain told, or `null`. */
  readonly identity: { readonly agentId: string; readonly projectId: string } | null;
  /** Signs and posts one frame. */
  post(type: SignedFrameType, payload: JsonObject): Promise<Answer>;
}

/** What opening a session needs. */
export interface SessionParts {
  readonly route: Route;
  readonly token: string;
  readonly hmacSecret: string;
  /** Added to our clock when signing, to tell a wrong clock from a wrong secret. */
  readonly clockShiftMs: number;
  readonly timeoutMs: number;
}

/** Registers a fresh nonce and claims nothing. Never rejects. */
export async function openBrainSession(parts: SessionParts): Promise<BrainSession> {
  const { route, token, timeoutMs } = parts;
  const nonce = crypto.randomUUID();
  const headers = { authorization: `Bearer ${token}`, "x-z4j-session-nonce": nonce };
  const path = "/api/v1/agent/commands?wait=0&max_frames=0";
  const opening = await request(route, path, { headers }, timeoutMs);
  const identity = identityOf(opening);
  let signer: Promise<FrameSigner> | undefined;
  return {
    opening,
    identity,
    async post(type, payload) {
      if (identity === null) return opening;
      signer ??= createSigner(parts, { ...identity, sessionId: nonce });
      const frame = await (await signer).sign({
        type,
        id: `doctor_${crypto.randomUUID()}`,
        payloadText: encodeCanonical(payload),
      });
      return await request(route, "/api/v1/agent/events", {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify({ frames: [frame] }),
      }, timeoutMs);
    },
  };
}

function identityOf(opening: Answer): BrainSession["identity"] {
  if (opening.kind === "silence" || opening.status !== 200) return null;
  const agentId = opening.headers.get("x-z4j-agent-id");
  const projectId = opening.headers.get("x-z4j-project-id");
  if (agentId === null || projectId === null) return null;
  return { agentId, projectId };
}

async function createSigner(
  { hmacSecret, clockShiftMs }: SessionParts,
  identity: { readonly agentId: string; readonly projectId: string; readonly sessionId: string },
): Promise<FrameSigner> {
  return createFrameSigner({
    key: await importHmacKey(decodeHmacSecret(hmacSecret)),
    identity,
    clock: { ...systemClock, now: () => Date.now() + clockShiftMs },
  });
}
