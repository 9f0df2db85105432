import {
  acceptsLegacyPurgeToken,
  computeLegacyPurgeToken,
  computePurgeToken,
  verifyPurgeToken,
} from "../../src/protocol/purge_token.ts";
import { bytesOfHex, differs, firstOf, textOf, type VectorCase } from "./case.ts";

/** Checks the computation and verification of purge tokens. */
export function check(vector: VectorCase): Promise<string | null> {
  switch (vector["op"]) {
    case "compute":
      return checkCompute(vector);
    case "verify":
      return checkVerify(vector);
    case "env": {
      const accepts = acceptsLegacyPurgeToken(vector["env"] as string | null);
      return Promise.resolve(differs("accept_legacy", accepts, vector["accept_legacy"]));
    }
    default:
      throw new TypeError(`unknown op ${String(vector["op"])}`);
  }
}

async function checkCompute(vector: VectorCase): Promise<string | null> {
  const queue = textOf(vector, "queue");
  const depth = vector["depth"] as number;
  const secret = secretOf(vector) ?? new Uint8Array();
  const legacy = vector["legacy_token"];
  return firstOf(
    differs("token", await computePurgeToken(secret, queue, depth), vector["token"]),
    legacy === undefined
      ? null
      : differs("legacy_token", await computeLegacyPurgeToken(queue, depth), legacy),
  );
}

async function checkVerify(vector: VectorCase): Promise<string | null> {
  const verdict = await verifyPurgeToken({
    provided: vector["provided"] as string | null,
    secret: secretOf(vector),
    queue: textOf(vector, "queue"),
    depth: vector["depth"] as number,
    acceptLegacy: vector["accept_legacy"] === true,
  });
  return firstOf(
    differs("accepted", verdict.accepted, vector["accepted"]),
    differs("used_legacy", verdict.usedLegacy, vector["used_legacy"]),
  );
}

function secretOf(vector: VectorCase): Uint8Array | null {
  const text = vector["secret_text"];
  if (typeof text === "string") return new TextEncoder().encode(text);
  const hex = vector["secret_hex"];
  return typeof hex === "string" ? bytesOfHex(hex) : null;
}
