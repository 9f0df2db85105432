import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { errorText, Z4jError } from "../base/errors.ts";

// Nobody but the user may read what the brain stores.
const PRIVATE_DIR = 0o700;
const PRIVATE_FILE = 0o600;

/** Where the brain of this user keeps its data: `~/.z4j/brain`. */
export function defaultBrainDir(): string {
  return join(homedir(), ".z4j", "brain");
}

/**
 * Creates a directory that only this user may read.
 *
 * @throws {Z4jError} `Z4J_BRAIN_STORE` when it cannot be made.
 */
export function ensureBrainDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: PRIVATE_DIR });
  } catch (cause) {
    throw new Z4jError(
      "Z4J_BRAIN_STORE",
      `Cannot create the data directory ${path}: ${errorText(cause)}`,
      { cause },
    );
  }
}

/**
 * The secret kept in a file of mode 0600; written with `make()` when there is
 * none or it is not usable.
 *
 * @throws {Z4jError} `Z4J_BRAIN_STORE` when it can be neither read nor written.
 */
export function keepSecret(
  directory: string,
  name: string,
  isUsable: (text: string) => boolean,
  make: () => string,
): string {
  const path = join(directory, name);
  try {
    const kept = readIfThere(path);
    const secret = kept !== null && isUsable(kept) ? kept : make();
    if (secret !== kept) writeFileSync(path, `${secret}\n`, { mode: PRIVATE_FILE });
    chmodSync(path, PRIVATE_FILE);
    return secret;
  } catch (cause) {
    throw new Z4jError("Z4J_BRAIN_STORE", `Cannot keep ${path}: ${errorText(cause)}`, { cause });
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
