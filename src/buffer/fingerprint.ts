import { hexOf } from "../base/hex.ts";

/** Why a file of another project is left alone. */
export const FOREIGN = "it was written under another project's secret";

// 64 bits of a hash tell projects apart and tell nothing about a secret of 32 bytes.
const HEX_DIGITS = 16;

/**
 * What tells the buffers of one project from those of another: the first 16 hex
 * digits of the SHA-256 of its secret.
 */
export async function fingerprintOf(secret: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new Uint8Array(secret));
  return hexOf(new Uint8Array(hash)).slice(0, HEX_DIGITS);
}

/** Whether a file belongs to another project; one that does not say is taken. */
export function isForeign(found: string | null, own: string | null): boolean {
  return own !== null && found !== null && found !== own;
}
