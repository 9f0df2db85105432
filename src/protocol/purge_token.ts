import { hexOf } from "../base/hex.ts";
import { equalTexts, hmacHex } from "./hmac.ts";

const encoder = new TextEncoder();

/** What a purge token is checked against. */
export interface PurgeCheck {
  /** The token that came with the command. */
  readonly provided: string | null | undefined;
  /** The project secret; without it only the legacy form can match. */
  readonly secret: Uint8Array | null;
  /** The queue to be purged. */
  readonly queue: string;
  /** The depth measured now. */
  readonly depth: number;
  /** Whether the unkeyed form of before 1.7 is taken. Default `false`. */
  readonly acceptLegacy?: boolean;
}

/** The answer to a purge token. */
export interface PurgeVerdict {
  /** Whether the purge is confirmed. */
  readonly accepted: boolean;
  /** Whether it was the unkeyed form that matched. */
  readonly usedLegacy: boolean;
}

/** Computes the keyed confirmation of a purge at a known depth (protocol section 19). */
export function computePurgeToken(
  secret: Uint8Array,
  queue: string,
  depth: number,
): Promise<string> {
  return hmacHex(secret, purgeMessage(queue, depth));
}

/** Computes the unkeyed form of before 1.7 (protocol section 19). */
export async function computeLegacyPurgeToken(queue: string, depth: number): Promise<string> {
  const message = encoder.encode(purgeMessage(queue, depth));
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", message)));
}

/** Checks a purge token in constant time (protocol section 19). */
export async function verifyPurgeToken(check: PurgeCheck): Promise<PurgeVerdict> {
  const { provided, secret, queue, depth, acceptLegacy = false } = check;
  if (typeof provided !== "string" || provided === "") return REFUSED;
  if (secret !== null && secret.length > 0) {
    const expected = await computePurgeToken(secret, queue, depth);
    if (equalTexts(expected, provided)) return { accepted: true, usedLegacy: false };
  }
  if (!acceptLegacy) return REFUSED;
  const legacy = equalTexts(await computeLegacyPurgeToken(queue, depth), provided);
  return { accepted: legacy, usedLegacy: legacy };
}

/** Reads `Z4J_ACCEPT_LEGACY_PURGE_TOKEN` (protocol section 19). */
export function acceptsLegacyPurgeToken(setting: string | null | undefined): boolean {
  return /^\s*(?:1|true|yes|on)\s*$/i.test(setting ?? "");
}

const REFUSED: PurgeVerdict = { accepted: false, usedLegacy: false };

function purgeMessage(queue: string, depth: number): string {
  return `purge|${queue}|${depth}`;
}
