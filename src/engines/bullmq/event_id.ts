import { HEX } from "../../base/hex.ts";
import type { TaskEventKind } from "../contract.ts";

/**
 * A UUID of version 7 from a time and whatever identifies an event. The same
 * input gives the same id in every process, so an event that two sources saw,
 * or that was read again after a crash, collapses in the brain. Its time comes
 * first, which keeps the brain's index of ids compact.
 */
export function eventId(timeMs: number, identity: string): string {
  const time = Math.max(0, Math.trunc(timeMs)).toString(16).padStart(12, "0").slice(-12);
  const [a, b, c] = hash96(identity);
  const variant = (8 + (b >>> 30)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(a).slice(0, 3)}-${variant}` +
    `${hex(b).slice(5)}-${hex(c)}${hex(a).slice(4)}`;
}

/** What every source knows of an event of a job. */
export interface AttemptIdentity {
  readonly taskId: string;
  readonly kind: TaskEventKind;
  /** When the job was created; ids are used again after an obliterate. */
  readonly createdMs: number;
  /** A time that every source knows. */
  readonly timeMs: number;
  /** Number of the run, where no such time belongs to the event. */
  readonly run?: number | undefined;
}

/** The id of an event of a job that every source would give it. */
export function attemptId({ taskId, kind, createdMs, timeMs, run }: AttemptIdentity): string {
  return eventId(timeMs, `${taskId}\n${createdMs}\n${kind}\n${run ?? ""}`);
}

// Printing a number above 31 bits takes some engines several times as long.
function hex(value: number): string {
  return `${HEX[value >>> 24]}${HEX[(value >>> 16) & 255]}${HEX[(value >>> 8) & 255]}${
    HEX[value & 255]
  }`;
}

/** Twenty-four hex digits that the same text gives in every process. */
export function textDigest(text: string): string {
  return hash96(text).map(hex).join("");
}

// Three lanes of a multiplicative hash: not for secrets, only for spreading.
function hash96(text: string): readonly [number, number, number] {
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  let c = 0xc2b2ae35;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x85ebca77);
    b = Math.imul(b ^ unit, 0xc2b2ae3d);
    c = Math.imul(c ^ unit, 0x27d4eb2f);
    a = (a << 13) | (a >>> 19);
    b = (b << 17) | (b >>> 15);
    c = (c << 11) | (c >>> 21);
  }
  return [mix(a ^ (b >>> 3)), mix(b ^ (c >>> 5)), mix(c ^ (a >>> 7))];
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
