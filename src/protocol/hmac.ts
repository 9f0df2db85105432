import { Z4jError } from "../base/errors.ts";
import { hexOf } from "../base/hex.ts";
import { MIN_SECRET_BYTES } from "./limits.ts";

/** Why a secret was refused. */
export type SecretProblem = "missing" | "not_base64" | "too_short";

/** An imported HMAC-SHA256 key; the secret itself cannot be read back. */
export interface HmacKey {
  /** The signature of the UTF-8 of `text` as 64 lower-case hex digits. */
  sign(text: string): Promise<string>;
  /** Tells, in constant time, whether `hex` is the signature of `text`. */
  verify(text: string, hex: string): Promise<boolean>;
}

const encoder = new TextEncoder();
// White space of the reference's strip(): U+001C..U+001F and U+0085 count,
// U+FEFF does not (trap 9).
const SPACE =
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const OUTER_SPACE = new RegExp(`^${SPACE}+|${SPACE}+$`, "g");

/**
 * Decodes the secret that the brain gave out (protocol 1.5). Surrounding white
 * space, missing and surplus padding are tolerated, standard base64 is not.
 *
 * @throws Z4jError `Z4J_SECRET_INVALID` with `details.reason` `missing` or
 * `not_base64`
 */
export function decodeHmacSecret(text: string): Uint8Array<ArrayBuffer> {
  const trimmed = text.replace(OUTER_SPACE, "");
  if (trimmed === "") throw secretError("missing", "it is empty");
  const digits = trimmed.replace(/=+$/, "");
  if (digits === "" || !/^[A-Za-z0-9_-]+$/.test(digits) || digits.length % 4 === 1) {
    throw secretError("not_base64", "it is not URL-safe base64");
  }
  const binary = atob(digits.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

/**
 * Imports a project secret for signing and verifying.
 *
 * @throws Z4jError `Z4J_SECRET_INVALID` with `details.reason` `too_short` below
 * 32 bytes (protocol 1.5)
 */
export async function importHmacKey(secret: Uint8Array): Promise<HmacKey> {
  if (secret.length < MIN_SECRET_BYTES) {
    throw secretError("too_short", `it has ${secret.length} bytes`);
  }
  const key = await importRaw(secret);
  const sign = (text: string): Promise<string> => signWith(key, text);
  return {
    sign,
    async verify(text, hex) {
      return equalTexts(await sign(text), hex);
    },
  };
}

/** HMAC-SHA256 of a text as lower-case hex, with a key of any length. */
export async function hmacHex(secret: Uint8Array, text: string): Promise<string> {
  return signWith(await importRaw(secret), text);
}

/** HMAC-SHA256 of bytes, with a key of any length. */
export async function hmacBytes(
  secret: Uint8Array,
  message: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await importRaw(secret);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, new Uint8Array(message)));
}

/** Compares two texts; the time depends on their lengths only. */
export function equalTexts(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

async function signWith(key: CryptoKey, text: string): Promise<string> {
  return hexOf(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text))));
}

function importRaw(secret: Uint8Array): Promise<CryptoKey> {
  // Web Crypto refuses an empty HMAC key; zero padding makes 64 zero bytes the same key.
  const raw = secret.length === 0 ? new Uint8Array(64) : new Uint8Array(secret);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", raw, algorithm, false, ["sign"]);
}

function secretError(reason: SecretProblem, state: string): Z4jError {
  return new Z4jError(
    "Z4J_SECRET_INVALID",
    `Cannot use the HMAC secret: ${state}, expected at least ${MIN_SECRET_BYTES} bytes as URL-safe base64`,
    { details: { reason } },
  );
}
