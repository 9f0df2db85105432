import { randomHex } from "../base/ids.ts";
import { isForeign } from "./fingerprint.ts";
import { randomName } from "./names.ts";
import type { OrphanParts } from "./orphan.ts";
import { takeOwnerLock } from "./owner_lock.ts";
import type { OwnerLock } from "./owner_lock.ts";
import { closeQuietly } from "./sqlite_driver.ts";
import { readFingerprint } from "./sqlite_schema.ts";

/** A path that this process alone may use. */
export interface Claim {
  readonly path: string;
  readonly lock: OwnerLock;
}

// A random name is only ever taken twice by accident.
const TRIES = 4;

/**
 * Claims a path, or one with something random in its name where that path is
 * in use or holds events of another project.
 *
 * @throws The driver's or the file system's error when nothing can be claimed.
 */
export function claimPath(wanted: string, parts: OrphanParts): Claim {
  for (let i = 0; i < TRIES; i++) {
    const path = i === 0 ? wanted : randomName(wanted, randomHex(4));
    const lock = takeOwnerLock(path, parts);
    if (lock === null) continue;
    if (!holdsForeign(path, parts)) return { path, lock };
    // The look at the neighbours says so.
    lock.release();
  }
  throw new Error("every name that was tried is in use, expected a free one");
}

/** Damage and other programs' files are judged where the file is opened. */
function holdsForeign(path: string, { driver: open, files, fingerprint }: OrphanParts): boolean {
  if (!files.exists(path) || path.endsWith(".kv")) return false;
  const driver = open(path);
  try {
    return isForeign(readFingerprint(driver), fingerprint);
  } catch {
    return false;
  } finally {
    closeQuietly(driver);
  }
}
