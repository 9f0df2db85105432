import process from "node:process";
import type { Random } from "./random.ts";

/** A place of death. */
export interface Point {
  readonly name: string;
  /** How often it is passed at most in a short life. */
  readonly visits: number;
}

/** Where an agent can be told to die. */
export const AGENT_POINTS: readonly [Point, ...Point[]] = [
  { name: "open", visits: 30 },
  { name: "record", visits: 80 },
  { name: "mid-append", visits: 80 },
  { name: "before-append", visits: 8 },
  { name: "after-append", visits: 8 },
  { name: "settled", visits: 6 },
  { name: "dialled", visits: 2 },
  { name: "hello", visits: 1 },
  // The first frame of a session is an empty batch.
  { name: "before-send", visits: 5 },
  { name: "after-send", visits: 5 },
  { name: "ack-arrived", visits: 4 },
  { name: "before-remove", visits: 3 },
  { name: "after-remove", visits: 3 },
];

/** Where a brain can be told to die. */
export const BRAIN_POINTS: readonly [Point, ...Point[]] = [
  { name: "open", visits: 12 },
  { name: "hello", visits: 3 },
  { name: "received", visits: 5 },
  { name: "mid-append", visits: 200 },
  { name: "before-append", visits: 4 },
  { name: "after-append", visits: 4 },
  { name: "before-ack", visits: 6 },
  { name: "after-ack", visits: 6 },
];

/** A place and a visit, as the environment carries them. */
export function drawPoint(points: readonly [Point, ...Point[]], random: Random): Chosen {
  const { name, visits } = random.pick(points);
  return { name, text: `${name}:${random.size(1, visits)}` };
}

/** A place that was chosen. */
export interface Chosen {
  readonly name: string;
  /** Value of the variable. */
  readonly text: string;
}

/** Names the places of this process and ends it at the chosen one. */
export interface Points {
  /** The process is at this place. */
  hit(name: string): void;
}

/** Variable that names the place and the visit: `after-send:3`. */
export const POINT_VARIABLE = "Z4J_CHAOS_POINT";

/** The places of this process, as its environment chose. */
export function chosenPoints(): Points {
  const [chosen = "", visit = "1"] = (process.env[POINT_VARIABLE] ?? "").split(":");
  let left = Number(visit);
  return {
    hit(name) {
      if (name !== chosen || --left > 0) return;
      // Not `exit`: nothing may run any more, as after a crash or an OOM kill.
      process.kill(process.pid, "SIGKILL");
    },
  };
}

/** Whether a message of a socket, text or binary, is a frame of this type. */
export function isFrame(data: unknown, type: string): boolean {
  const isBytes = data instanceof ArrayBuffer || data instanceof Uint8Array;
  const text = isBytes ? new TextDecoder().decode(data) : data;
  return typeof text === "string" && text.includes(`"${type}"`);
}
