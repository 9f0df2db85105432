import { Z4jError } from "../base/errors.ts";
import { hexOf } from "../base/hex.ts";
import { hmacBytes } from "./hmac.ts";
import { MIN_SECRET_BYTES } from "./limits.ts";

const encoder = new TextEncoder();
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const PROJECT_LABEL = "z4j-project-secret-v1:";
const TOKEN_LABEL = "z4j-agent-token-v1";
// Positions of the bytes in the little-endian GUID layout (protocol 1.3).
const GUID_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

/**
 * Derives the secret that all agents of a project share (brain side, protocol
 * 1.3).
 *
 * @throws Z4jError `Z4J_SECRET_INVALID` when the master has less than 32 bytes
 * @throws TypeError when the project id is not a dashed UUID
 */
export function deriveProjectSecret(
  master: Uint8Array,
  projectId: string,
): Promise<Uint8Array<ArrayBuffer>> {
  requireMaster(master);
  const label = encoder.encode(PROJECT_LABEL);
  const message = new Uint8Array(label.length + GUID_ORDER.length);
  message.set(label);
  message.set(guidBytes(projectId), label.length);
  return hmacBytes(master, message);
}

/** The hash under which a brain stores an agent token (brain side, protocol 1.2). */
export async function hashAgentToken(master: Uint8Array, token: string): Promise<string> {
  const label = encoder.encode(TOKEN_LABEL);
  const key = new Uint8Array(master.length + label.length);
  key.set(master);
  key.set(label, master.length);
  return hexOf(await hmacBytes(key, encoder.encode(token)));
}

/** Prints a secret the way operators copy it: URL-safe base64 with padding. */
export function encodeHmacSecret(secret: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...secret));
  return base64.replaceAll("+", "-").replaceAll("/", "_");
}

function guidBytes(uuid: string): Uint8Array {
  if (!UUID.test(uuid)) {
    throw new TypeError(
      "Cannot derive a project secret: the id is no UUID, expected a dashed UUID",
    );
  }
  const hex = uuid.replaceAll("-", "");
  return Uint8Array.from(
    GUID_ORDER,
    (at) => Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16),
  );
}

function requireMaster(master: Uint8Array): void {
  if (master.length >= MIN_SECRET_BYTES) return;
  throw new Z4jError(
    "Z4J_SECRET_INVALID",
    `Cannot derive a project secret: the master has ${master.length} bytes, expected at least ${MIN_SECRET_BYTES}`,
    { details: { reason: "too_short" } },
  );
}
