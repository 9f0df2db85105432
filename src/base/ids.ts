import { hexOf } from "./hex.ts";

/** `count` random bytes as lower-case hex. */
export function randomHex(count: number): string {
  return hexOf(crypto.getRandomValues(new Uint8Array(count)));
}

/** A frame id with 128 random bits; the brain answers by this id alone. */
export function frameId(prefix: string): string {
  return `${prefix}_${randomHex(16)}`;
}

/** A random UUID (version 4) in canonical lower-case form. */
export function randomUuid(): string {
  return crypto.randomUUID();
}

/**
 * A UUID of version 7 (RFC 9562) in canonical form: later ones sort later, which
 * keeps the index that finds duplicates compact.
 */
export function timeUuid(unixMs: number): string {
  const time = Math.max(0, Math.trunc(unixMs)).toString(16).padStart(12, "0").slice(-12);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}
