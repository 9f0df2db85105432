import { isZ4jError } from "../../src/base/errors.ts";
import {
  deriveProjectSecret,
  encodeHmacSecret,
  hashAgentToken,
} from "../../src/protocol/derive.ts";
import { hexOf } from "../../src/base/hex.ts";
import { bytesOfHex, differs, firstOf, textOf, type VectorCase } from "./case.ts";

/** Checks the derivations of the brain side. */
export function check(vector: VectorCase): Promise<string | null> {
  switch (vector["op"]) {
    case "project_secret":
      return checkProjectSecret(vector);
    case "token_hash":
      return checkTokenHash(vector);
    default:
      throw new TypeError(`unknown op ${String(vector["op"])}`);
  }
}

async function checkProjectSecret(vector: VectorCase): Promise<string | null> {
  const secret = await derive(masterOf(vector), textOf(vector, "project_id"));
  if (vector["raises"] !== undefined) return differs("secret", secret === null, true);
  if (secret === null) return "the derivation was refused";
  return firstOf(
    differs("secret", hexOf(secret), vector["secret_hex"]),
    differs("hmac_secret_text", encodeHmacSecret(secret), vector["hmac_secret_text"]),
  );
}

async function checkTokenHash(vector: VectorCase): Promise<string | null> {
  const hash = await hashAgentToken(masterOf(vector), textOf(vector, "token"));
  return differs("hash", hash, vector["hash"]);
}

function masterOf(vector: VectorCase): Uint8Array {
  const hex = vector["master_hex"];
  return typeof hex === "string"
    ? bytesOfHex(hex)
    : new TextEncoder().encode(textOf(vector, "master_text"));
}

async function derive(master: Uint8Array, projectId: string): Promise<Uint8Array | null> {
  try {
    return await deriveProjectSecret(master, projectId);
  } catch (error) {
    if (isZ4jError(error)) return null;
    throw error;
  }
}
