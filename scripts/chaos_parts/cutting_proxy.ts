import { connect, createServer, type Socket } from "node:net";
import type { Random } from "./random.ts";

/** How many connections had which fault. */
export type ProxyCounts = Readonly<Record<ConnectionFault, number>>;

/** What happens to one connection. */
export type ConnectionFault =
  /** Nothing. */
  | "clean"
  /** Closed as soon as it is opened. */
  | "refused"
  /** Cut after so many bytes from the agent. */
  | "cut-up"
  /** Cut after so many bytes from the brain: acks are lost. */
  | "cut-down"
  /** Nothing of the brain arrives any more, while the agent goes on; then cut. */
  | "deaf"
  /** Every piece comes late. */
  | "late";

/** A TCP proxy that does to connections what networks do. */
export interface CuttingProxy {
  /** Loopback port. */
  readonly port: number;
  /** Where connections go now; `null` refuses them. */
  aim(port: number | null): void;
  /** Ends every faulty connection and makes all later ones clean. */
  calm(): void;
  /** Ends every connection now. */
  cutAll(): void;
  /** Connections so far. */
  counts(): ProxyCounts;
  /** Ends everything. */
  close(): Promise<void>;
}

interface Plan {
  readonly fault: ConnectionFault;
  readonly bytes: number;
  readonly delayMs: number;
}

// Past a handshake of some 900 bytes in most cases, up to several batches.
const LEAST_BYTES = 200;
const MOST_BYTES = 300_000;

/** Starts a proxy; what it does to which connection comes from `random`. */
export async function startCuttingProxy(random: Random): Promise<CuttingProxy> {
  const counts = { clean: 0, refused: 0, "cut-up": 0, "cut-down": 0, deaf: 0, late: 0 };
  const open = new Map<Socket, Plan>();
  let target: number | null = null;
  let calm = false;
  const server = createServer((client) => {
    const plan = calm ? CLEAN : planOf(random);
    client.on("error", () => client.destroy());
    if (target === null) return void client.destroy();
    counts[plan.fault]++;
    if (plan.fault === "refused") return cut(client);
    const brain = connect(target, "127.0.0.1");
    open.set(client, plan);
    const end = (): void => {
      open.delete(client);
      cut(client);
      cut(brain);
    };
    brain.on("error", end);
    for (const socket of [client, brain]) socket.on("close", end).setNoDelay(true);
    forward(client, brain, limitOf(plan, "up"), plan.delayMs, end);
    if (plan.fault === "deaf") deafen(brain, client, plan, end);
    else forward(brain, client, limitOf(plan, "down"), plan.delayMs, end);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    aim: (port) => void (target = port),
    calm() {
      calm = true;
      for (const [client, { fault }] of open) if (fault !== "clean") client.destroy();
    },
    cutAll() {
      for (const client of open.keys()) client.destroy();
    },
    counts: () => ({ ...counts }),
    close: () =>
      new Promise((resolve) => {
        for (const client of open.keys()) client.destroy();
        server.close(() => resolve());
      }),
  };
}

const CLEAN: Plan = { fault: "clean", bytes: Infinity, delayMs: 0 };

function planOf(random: Random): Plan {
  const fault = random.pick<ConnectionFault>([
    "clean",
    "clean",
    "clean",
    "refused",
    "cut-up",
    "cut-up",
    "cut-down",
    "cut-down",
    "deaf",
    "late",
  ]);
  return {
    fault,
    bytes: random.size(LEAST_BYTES, MOST_BYTES),
    delayMs: fault === "late" ? random.int(1, 60) : 0,
  };
}

// An ack is some 400 bytes, so the brain's direction is cut sooner.
function limitOf({ fault, bytes }: Plan, way: "up" | "down"): number {
  if (fault === "cut-up" && way === "up") return bytes;
  if (fault === "cut-down" && way === "down") return Math.ceil(bytes / 40) + LEAST_BYTES;
  return Infinity;
}

/** Copies bytes; the one after the limit ends the connection, in the middle of a frame. */
function forward(from: Socket, to: Socket, limit: number, delayMs: number, end: () => void): void {
  let seen = 0;
  const pass = (chunk: Uint8Array): void => {
    if (to.destroyed) return;
    const left = limit - seen;
    seen += chunk.length;
    if (chunk.length >= left) return void to.write(chunk.subarray(0, left), end);
    if (!to.write(chunk)) {
      from.pause();
      to.once("drain", () => from.resume());
    }
  };
  from.on("data", (chunk: Uint8Array) => {
    if (delayMs === 0) pass(chunk);
    else setTimeout(pass, delayMs, chunk);
  });
}

/** Lets so many bytes through, then swallows the rest for a while, then cuts. */
function deafen(from: Socket, to: Socket, plan: Plan, end: () => void): void {
  let left = Math.ceil(plan.bytes / 40) + LEAST_BYTES;
  from.on("data", (chunk: Uint8Array) => {
    if (left <= 0) return;
    to.write(chunk.subarray(0, left));
    left -= chunk.length;
    if (left <= 0) setTimeout(end, 50 + plan.bytes % 700);
  });
}

/** A reset, so that the other side cannot mistake it for a polite end. */
function cut(socket: Socket): void {
  if (!socket.destroyed) socket.resetAndDestroy();
}
