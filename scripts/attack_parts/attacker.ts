import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Plan } from "./plan.ts";

/** What an attack came to. */
export type Outcome = "refused" | "accepted" | "unanswered";

/** The outcome of one attack, and what was wrong about it. */
export interface Attack {
  readonly outcome: Outcome;
  readonly why: string | null;
}

// The longest wait for an answer, and for more of it once there is some.
const ANSWER_MS = 10_000;
const MORE_MS = 60;
const HELD_MS = 150;
const KEPT_BYTES = 65_536;

interface Line {
  readonly socket: Socket;
  answer: string;
  ended: boolean;
}

async function dial(port: number): Promise<Line> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const line: Line = { socket, answer: "", ended: false };
  socket.on("data", (bytes) => {
    if (line.answer.length < KEPT_BYTES) line.answer += bytes.toString("latin1");
  });
  // A brain that resets what it does not like is as good as one that says so.
  socket.on("error", () => void (line.ended = true));
  socket.on("end", () => void (line.ended = true));
  socket.on("close", () => void (line.ended = true));
  await new Promise<void>((resolve) => {
    socket.once("connect", () => resolve());
    socket.once("close", () => resolve());
  });
  return line;
}

async function until(isDone: () => boolean, ms: number): Promise<boolean> {
  const startMs = performance.now();
  while (!isDone()) {
    if (performance.now() - startMs > ms) return false;
    await sleep(15);
  }
  return true;
}

/** Carries out a plan and judges the answer. */
export async function attack(port: number, plan: Plan): Promise<Attack> {
  const line = await dial(port);
  for (const part of plan.parts) {
    if (line.ended) break;
    line.socket.write(part);
    if (plan.paceMs > 0) await sleep(plan.paceMs);
  }
  const ended = await finish(line, plan);
  const { resetAndDestroy } = line.socket;
  if (plan.then === "reset" && typeof resetAndDestroy === "function") line.socket.resetAndDestroy();
  else line.socket.destroy();
  return judge(line, plan, ended);
}

// Heads are ASCII, so this is the first byte of a close frame: the attacker owes the rest.
function isOver({ ended, answer }: Line): boolean {
  return ended || answer.includes("\x88");
}

async function finish(line: Line, plan: Plan): Promise<boolean> {
  if (plan.then === "reset") {
    await sleep(10);
    return true;
  }
  if (plan.then === "half") line.socket.end();
  if (plan.ends) return await until(() => isOver(line), plan.waitMs ?? ANSWER_MS);
  if (plan.then === "answer") {
    const came = await until(() => line.ended || line.answer !== "", ANSWER_MS);
    await until(() => line.ended, MORE_MS);
    return came;
  }
  await until(() => line.ended, HELD_MS);
  return true;
}

function judge({ answer }: Line, plan: Plan, ended: boolean): Attack {
  const statuses = [...answer.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, code]) => Number(code));
  const isGood = statuses.some((code) => code >= 200 && code < 300);
  const outcome = isGood ? "accepted" : statuses.length > 0 || plan.ends ? "refused" : "unanswered";
  const why = isGood && plan.refused
    ? `answered with ${statuses.join(", ")}`
    : statuses.includes(500)
    ? `answered with ${statuses.join(", ")}`
    : answer.includes('"hello_ack"')
    ? "was welcomed"
    : !ended
    ? `nothing came of it within ${ANSWER_MS} ms`
    : null;
  return { outcome, why };
}
