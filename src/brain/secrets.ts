import { deriveProjectSecret, encodeHmacSecret, hashAgentToken } from "../protocol/derive.ts";
import type { RandomSource } from "./context.ts";
import { type Database, requiredText } from "./database.ts";

// 256 bits, as for every key of the protocol (protocol 1.1 and 1.3).
const SECRET_BYTES = 32;
const META_KEY = "master_secret";

/** What follows from the brain's master secret. */
export interface BrainSecrets {
  /** A fresh token as shown to the operator, and the hash that is stored. */
  mintToken(): Promise<{ readonly token: string; readonly hash: string }>;
  /** The hash of a token, which finds its agent. */
  hashToken(token: string): Promise<string>;
  /** The key of all agents of a project. */
  projectSecret(projectId: string): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * The secrets of this brain. The master lives in the database file, whose
 * directory only its owner may enter: backing up one file keeps every agent.
 */
export function openSecrets(db: Database, random: RandomSource): BrainSecrets {
  const master = loadMaster(db, random);
  const hashToken = (token: string): Promise<string> => hashAgentToken(master, token);
  const known = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
  return {
    hashToken,
    async mintToken() {
      const token = encodeHmacSecret(random.bytes(SECRET_BYTES)).replace(/=+$/, "");
      return { token, hash: await hashToken(token) };
    },
    projectSecret(projectId) {
      const secret = known.get(projectId) ?? deriveProjectSecret(master, projectId);
      known.set(projectId, secret);
      return secret;
    },
  };
}

function loadMaster(db: Database, random: RandomSource): Uint8Array {
  const fresh = encodeHmacSecret(random.bytes(SECRET_BYTES));
  const row = db.transaction(() => {
    db.run("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING", META_KEY, fresh);
    return db.get("SELECT value FROM meta WHERE key = ?", META_KEY);
  });
  const text = row === undefined ? fresh : requiredText(row, "value");
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}
