import { isZ4jError } from "../../src/base/errors.ts";
import { hexOf } from "../../src/base/hex.ts";
import { decodeHmacSecret, importHmacKey } from "../../src/protocol/hmac.ts";
import { differs, firstOf, textOf, type VectorCase } from "./case.ts";

/** Checks the decoding of a secret, and whether a key can be made of it. */
export async function check(vector: VectorCase): Promise<string | null> {
  const secret = decode(textOf(vector, "text"));
  const accepted = differs("accepted", secret !== null, vector["accepted"]);
  if (secret === null || accepted !== null) return accepted;
  return firstOf(
    differs("decoded", hexOf(secret), vector["decoded_hex"]),
    differs("decoded_bytes", secret.length, vector["decoded_bytes"]),
    differs("usable", await isUsable(secret), vector["usable"]),
  );
}

function decode(text: string): Uint8Array | null {
  try {
    return decodeHmacSecret(text);
  } catch (error) {
    if (isZ4jError(error)) return null;
    throw error;
  }
}

async function isUsable(secret: Uint8Array): Promise<boolean> {
  try {
    await importHmacKey(secret);
    return true;
  } catch (error) {
    if (isZ4jError(error)) return false;
    throw error;
  }
}
