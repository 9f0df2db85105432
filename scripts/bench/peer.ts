/** Processes that a measurement needs beside its own. */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import type { RuntimeName } from "./measure.ts";

// The longest word is the drain of a backlog.
const ANSWER_DEADLINE_MS = 60_000;

/** A process that answers each line with one line of JSON. */
export interface Peer<T> {
  readonly pid: number;
  /** What it said when it was ready. */
  readonly ready: T;
  /** Sends a word and waits for the answer. */
  ask(word: string): Promise<unknown>;
  /** Closes its input, which ends it. */
  end(): Promise<void>;
}

/** Starts a script on the runtime of this process and waits until it is ready. */
export function startPeer<T>(
  script: string,
  args: readonly string[],
  check: (value: unknown) => value is T,
): Promise<Peer<T>> {
  return startProcess([process.execPath, ...runtimeFlags(), script, ...args], check);
}

/** Starts a program that speaks as `serveWords` does and waits until it is ready. */
export async function startProcess<T>(
  [command = "", ...args]: readonly string[],
  check: (value: unknown) => value is T,
): Promise<Peer<T>> {
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  const script = args.find((arg) => /\.(ts|py)$/.test(arg)) ?? command;
  const nextLine = lineReader(child, script);
  const { pid } = child;
  if (pid === undefined) throw new Error(`Cannot start ${script}`);
  try {
    const ready: unknown = JSON.parse(await nextLine());
    if (!check(ready)) throw new Error(`${script} said ${JSON.stringify(ready)}`);
    return {
      pid,
      ready,
      async ask(word) {
        child.stdin?.write(`${word}\n`);
        return JSON.parse(await nextLine());
      },
      end: () => endChild(child),
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

/** How to run a script on a runtime of this repository. */
export function runtimeCommand(runtime: RuntimeName): readonly [string, ...string[]] {
  const program = `node_modules/.bin/${runtime}`;
  return runtime === "deno" ? [program, "run", "-A", "--no-check"] : [program];
}

/** Flags that let a script run, and collect garbage when asked. */
function runtimeFlags(): string[] {
  if (!("Deno" in globalThis)) return [];
  return ["run", "-A", "--no-check", "--v8-flags=--expose-gc"];
}

/** Lines of a child in their order; each call takes the next one. */
function lineReader(child: ChildProcess, script: string): () => Promise<string> {
  const lines: string[] = [];
  const waiting: PromiseWithResolvers<string>[] = [];
  let ended: Error | undefined;
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const first = waiting.shift();
      if (first === undefined) lines.push(line);
      else first.resolve(line);
    });
  }
  const end = (reason: string): void => {
    ended ??= new Error(`${script} ended: ${reason}`);
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  child.on("error", (error) => end(String(error)));
  child.on("close", (code) => end(`exit status ${code}`));
  return async () => {
    const known = lines.shift();
    if (known !== undefined) return known;
    if (ended !== undefined) throw ended;
    const next = Promise.withResolvers<string>();
    waiting.push(next);
    const late = new Error(`${script} said nothing for ${ANSWER_DEADLINE_MS} ms`);
    const timer = setTimeout(() => next.reject(late), ANSWER_DEADLINE_MS);
    return await next.promise.finally(() => clearTimeout(timer));
  };
}

/** Ends a child by its input, and after five seconds for good. */
function endChild(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    const force = setTimeout(() => child.kill("SIGKILL"), 5000);
    child.once("close", () => {
      clearTimeout(force);
      resolve();
    });
    child.stdin?.end();
  });
}

/** The other side: says that it is ready, answers words, ends with its input. */
export async function serveWords(
  ready: unknown,
  answer: (word: string) => unknown,
): Promise<void> {
  const say = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);
  say(ready);
  for await (const line of createInterface({ input: process.stdin })) say(await answer(line));
}
