import { concat, encodeFrame, OPCODE } from "../../src/platform/quiet_frames.ts";
import type { Random } from "../chaos_parts/random.ts";
import { type Planner, request, type Target } from "./plan.ts";

const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const VERSION = "Sec-WebSocket-Version: 13";
const UPGRADE = ["Connection: Upgrade", "Upgrade: websocket"];

function upgrade(target: Target, headers: readonly string[], body = ""): string {
  return request(target, "GET /ws/agent", [...UPGRADE, ...headers], body);
}

/** What an attacker writes behind a good upgrade, with or without an agent's token. */
function inside(write: (random: Random) => readonly Uint8Array[], ends = true): Planner {
  return (target, random) => {
    const hasToken = random.chance(0.5);
    const token = hasToken ? [`Authorization: Bearer ${target.stolen}`] : [];
    return {
      parts: [upgrade(target, [KEY, VERSION, ...token]), ...write(random)],
      paceMs: 5,
      then: ends || !hasToken ? "answer" : random.pick(["reset", "half"]),
      ends: ends || !hasToken,
    };
  };
}

function text(value: string): Uint8Array {
  return encodeFrame(OPCODE.text, new TextEncoder().encode(value));
}

/** A masked frame with another first byte: FIN, reserved bits and opcode. */
function first(byte: number, payload: Uint8Array = new Uint8Array(3)): Uint8Array {
  const frame = encodeFrame(OPCODE.text, payload);
  frame[0] = byte;
  return frame;
}

function hello(random: Random): string {
  return JSON.stringify({
    ...{ v: random.pick([1, 2, 99]), type: "hello", id: "a", ts: new Date().toISOString() },
    payload: random.pick<unknown>([{}, null, [], { protocol_version: "2" }, {
      host: "x".repeat(9_000),
    }]),
  });
}

/** Attacks on the upgrade and behind it, by kind. */
export const SOCKET_PLANS: Readonly<Record<string, Planner>> = {
  "upgrade without key": (target) => ({ parts: [upgrade(target, [VERSION])] }),
  "upgrade of another version": (target) => ({
    parts: [upgrade(target, [KEY, "Sec-WebSocket-Version: 8"])],
  }),
  "upgrade with a body": (target) => ({
    parts: [upgrade(target, [KEY, VERSION, "Content-Length: 5"], "hello")],
    then: "reset",
  }),
  "unmasked frame": inside(() => [Uint8Array.from([0x81, 2, 0x7b, 0x7d])]),
  "reserved bits": inside((random) => [first(0x81 | random.pick([0x10, 0x20, 0x40, 0x70]))]),
  "unknown opcode": inside((random) => [first(0x80 | random.pick([3, 5, 7, 11, 15]))]),
  "length of 2^63": inside(
    () => [Uint8Array.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])],
  ),
  "fragmented control": inside((random) => [first(random.pick([0x08, 0x09, 0x0a]))]),
  "long control": inside(() => [first(0x89, new Uint8Array(500))]),
  "stray continuation": inside(() => [first(0x80)]),
  "invalid UTF-8": inside(() => [first(0x81, Uint8Array.from([0xff, 0xc0, 0x80]))]),
  "ping flood": inside((random) => {
    const ping = first(0x89);
    const flood = Array.from({ length: random.int(50, 2_000) }, () => ping);
    return [concat(flood, ping.length * flood.length)];
  }, false),
  "no hello": inside(() => [], false),
  "garbage for hello": inside((random) => [
    text(
      random.pick([
        "{",
        "[]",
        "null",
        "\0",
        `{"v":2,"type":"${"x".repeat(300)}"}`,
        "[".repeat(9_000),
      ]),
    ),
  ]),
  "wrong hello": inside((random) => [text(hello(random))]),
  "two hellos": inside((random) => [text(hello(random)), text(hello(random))]),
  "oversized message": inside(() => [text("a".repeat(1_100_000))]),
};
