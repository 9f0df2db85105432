import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";

/** A TCP proxy on the loopback whose line can get bad. */
export interface FaultyProxy {
  /** Base URL for agents. */
  readonly url: string;
  /** Connections of agents that are open now. */
  readonly connections: number;
  /** Connections since the start. */
  readonly accepted: number;
  /** Forwards nothing any more and closes nothing: both ends stay half-open. */
  stall(): void;
  /** Forwards as usual again; new connections only. */
  heal(): void;
  /** Bytes a second towards the brain; 0 is unlimited. */
  throttle(bytesPerSecond: number): void;
  /** Drops all connections. */
  cut(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly agent: Socket;
  readonly brain: Socket;
  stalled: boolean;
}

const TICK_MS = 20;

export async function startFaultyProxy(brainUrl: string): Promise<FaultyProxy> {
  const pairs = new Set<Pair>();
  let stalled = false;
  let rate = 0;
  let accepted = 0;
  const server = createServer((agent) => {
    accepted++;
    const brain = connect(Number(new URL(brainUrl).port), "127.0.0.1");
    const pair: Pair = { agent, brain, stalled };
    pairs.add(pair);
    const waiting: Uint8Array[] = [];
    let credit = 0;
    const drip = setInterval(() => {
      if (pair.stalled) return;
      credit = rate === 0 ? Infinity : Math.min(credit + rate * TICK_MS / 1000, rate);
      while (waiting.length > 0 && credit >= 1) {
        const chunk = waiting.shift() as Uint8Array;
        const part = chunk.subarray(0, Math.min(chunk.length, credit));
        brain.write(part);
        credit -= part.length;
        if (part.length < chunk.length) waiting.unshift(chunk.subarray(part.length));
      }
      if (waiting.length === 0) agent.resume();
    }, TICK_MS);
    agent.on("data", (chunk: Uint8Array) => {
      if (pair.stalled) return;
      if (rate === 0 && waiting.length === 0) return void brain.write(chunk);
      waiting.push(chunk);
      agent.pause(); // the kernel's buffers fill up, as with a slow reader
    });
    brain.on("data", (chunk: Uint8Array) => void (pair.stalled || agent.write(chunk)));
    const end = (): void => {
      clearInterval(drip);
      pairs.delete(pair);
      agent.destroy();
      brain.destroy();
    };
    for (const [socket, other] of [[agent, brain], [brain, agent]] as const) {
      socket.on("error", () => {});
      socket.on("close", () => socket === agent || !pair.stalled ? end() : undefined);
      socket.on("end", () => pair.stalled ? undefined : other.end());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return pairs.size;
    },
    get accepted() {
      return accepted;
    },
    stall() {
      stalled = true;
      for (const pair of pairs) pair.stalled = true;
    },
    heal: () => void (stalled = false),
    throttle: (bytesPerSecond) => void (rate = bytesPerSecond),
    cut() {
      for (const pair of [...pairs]) {
        pair.agent.destroy();
        pair.brain.destroy();
      }
    },
    close: () =>
      new Promise((resolve) => {
        for (const pair of [...pairs]) {
          pair.agent.destroy();
          pair.brain.destroy();
        }
        server.close(() => resolve());
      }),
  };
}
