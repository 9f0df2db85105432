import type { ReceivedCommand } from "../agent/commands.ts";
import type { WireResult } from "../agent/command_result.ts";
import type { AskLimits, CarryOut, NeighbourAnswer } from "../agent/neighbours.ts";
import { type Clock, TIMED_OUT, withDeadline } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import { randomHex } from "../base/ids.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import {
  connectLocal,
  listenLocal,
  type LocalChannel,
  type LocalServer,
} from "../platform/local_socket.ts";
import { GREETING_MS, MAX_CALL_CHARS, MAX_CALLERS, REQUEST_MS } from "./limits.ts";

/** Signs and verifies what neighbours say to each other. */
export interface CallKey {
  sign(text: string): Promise<string>;
  verify(text: string, hex: string): Promise<boolean>;
}

/** What both sides of a call need. */
export interface CallParts {
  readonly key: CallKey;
  readonly clock: Clock;
}

// One connection carries one command, in three signed lines:
//   owner   {nonce, mac}  greeting: it knows the secret
//   caller  {body, mac}   the command, bound to the nonce
//   owner   {body, mac}   the result, bound to that request
// A line that was seen before fits no later connection.
const greeting = (nonce: string): string => `z4j neighbour greeting\n${nonce}`;
const request = (nonce: string, body: string): string => `z4j neighbour request\n${nonce}\n${body}`;
const answer = (mac: string, body: string): string => `z4j neighbour answer\n${mac}\n${body}`;

/** Takes commands of neighbours at a path; rejects where the system refuses the socket. */
export function serveCalls(
  path: string,
  carryOut: CarryOut,
  parts: CallParts,
): Promise<LocalServer> {
  const bounds = { maxConnections: MAX_CALLERS, maxLineChars: MAX_CALL_CHARS };
  return listenLocal(path, bounds, (channel) => {
    // Who breaks off or says what we do not know gets no answer.
    void serveOne(channel, carryOut, parts).catch(() => {}).finally(() => channel.close());
  });
}

async function serveOne(
  channel: LocalChannel,
  carryOut: CarryOut,
  { key, clock }: CallParts,
): Promise<void> {
  const nonce = randomHex(16);
  channel.send(JSON.stringify({ nonce, mac: await key.sign(greeting(nonce)) }));
  const line = await withDeadline(clock, channel.next(), REQUEST_MS);
  const { body, mac } = parseLine(line === TIMED_OUT ? null : line);
  if (!await key.verify(request(nonce, body), mac)) return;
  const command = parseCommand(body);
  if (command === null) return;
  const text = JSON.stringify(await carryOut(command));
  channel.send(JSON.stringify({ body: text, mac: await key.sign(answer(mac, text)) }));
}

/** Lets the neighbour at a path carry out a command. Never rejects. */
export async function call(
  path: string,
  command: ReceivedCommand,
  { remainingMs, signal }: AskLimits,
  { key, clock }: CallParts,
): Promise<NeighbourAnswer> {
  const until = clock.monotonic() + remainingMs;
  let channel: LocalChannel | null = null;
  let isSent = false;
  const stop = (): void => channel?.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    channel = await greeted(path, { key, clock }, Math.min(GREETING_MS, remainingMs / 2));
    const line = parseGreeting(
      await inTime(clock, channel.next(), Math.min(GREETING_MS, remainingMs / 2)),
    );
    if (!await key.verify(greeting(line.nonce), line.mac)) {
      return { status: "unreached", reason: "it has another HMAC secret" };
    }
    // Beyond the deadline nobody waits for the result.
    const leftMs = Math.floor(until - clock.monotonic());
    if (leftMs <= 0 || signal.aborted) return { status: "unreached", reason: "the time was up" };
    const body = JSON.stringify({
      ...command,
      claimToken: null,
      timeoutMs: leftMs,
      call: randomHex(16),
    });
    const mac = await key.sign(request(line.nonce, body));
    isSent = true;
    channel.send(JSON.stringify({ body, mac }));
    const result = parseLine(await inTime(clock, channel.next(), leftMs));
    if (!await key.verify(answer(mac, result.body), result.mac)) throw new Error("a wrong answer");
    return { status: "answered", result: parseResult(result.body) };
  } catch (error) {
    return { status: isSent ? "lost" : "unreached", reason: errorText(error) };
  } finally {
    signal.removeEventListener("abort", stop);
    channel?.close();
  }
}

async function greeted(
  path: string,
  { clock }: CallParts,
  waitMs: number,
): Promise<LocalChannel> {
  const connecting = connectLocal(path, MAX_CALL_CHARS);
  const channel = await withDeadline(clock, connecting, waitMs);
  if (channel !== TIMED_OUT) return channel;
  void connecting.then((late) => late.close(), () => {});
  throw new Error("it did not answer in time");
}

async function inTime<T>(clock: Clock, promise: Promise<T>, waitMs: number): Promise<T> {
  const value = await withDeadline(clock, promise, waitMs);
  if (value === TIMED_OUT) throw new Error("it did not answer in time");
  return value;
}

function parseObject(line: string | null): JsonObject {
  if (line === null) throw new Error("it hung up");
  const value = JSON.parse(line) as JsonValue;
  if (!isJsonObject(value)) throw new Error("it said something else");
  return value;
}

function texts<K extends string>(object: JsonObject, ...keys: readonly K[]): Record<K, string> {
  const found = keys.map((key) => {
    const value = object[key];
    if (typeof value !== "string") throw new Error("it said something else");
    return [key, value];
  });
  return Object.fromEntries(found) as Record<K, string>;
}

const parseGreeting = (line: string | null): Record<"nonce" | "mac", string> =>
  texts(parseObject(line), "nonce", "mac");
const parseLine = (line: string | null): Record<"body" | "mac", string> =>
  texts(parseObject(line), "body", "mac");

function parseCommand(body: string): ReceivedCommand | null {
  const { id, action, target, parameters, timeoutMs } = parseObject(body);
  const isWhole = typeof id === "string" && typeof action === "string" && isJsonObject(target) &&
    isJsonObject(parameters) && typeof timeoutMs === "number" && timeoutMs > 0;
  return isWhole ? { id, action, target, parameters, timeoutMs, claimToken: null } : null;
}

function parseResult(body: string): WireResult {
  const { status, result = null, error = null } = parseObject(body);
  const isResult = (status === "success" || status === "failed") &&
    (result === null || isJsonObject(result)) && (error === null || typeof error === "string");
  if (!isResult) throw new Error("it answered something else");
  return { status, result, error };
}
