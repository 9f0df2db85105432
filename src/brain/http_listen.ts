import { once } from "../base/once.ts";
import { startServer } from "../platform/serve.ts";
import type { Brain } from "./http_brain.ts";
import type { BrainOperator, MintedAgent } from "./operator_port.ts";
import type { BrainReader, ProjectRow } from "./store.ts";

// Over this the server library ends the connection (protocol section 2.9).
const MAX_MESSAGE_BYTES = 16 * 1_024 * 1_024;
const LOOPBACK: readonly string[] = ["127.0.0.1", "::1", "localhost"];

/** A brain that listens. */
export interface RunningBrain extends AsyncDisposable {
  /** `http://127.0.0.1:7700`. */
  readonly baseUrl: string;
  /** `ws://127.0.0.1:7700/ws/agent`. */
  readonly wsUrl: string;
  /** Port it listens on. */
  readonly port: number;
  /** Link that signs a browser in; works once. */
  readonly signInUrl: string;
  /** Secret for scripts: `Authorization: Bearer <token>`. */
  readonly apiToken: string;
  /** The project that the page shows. */
  readonly project: ProjectRow;
  /** Queries. */
  readonly reader: BrainReader;
  /** Actions. */
  readonly operator: BrainOperator;
  /** Mints an agent of the project. @throws {Z4jError} `Z4J_BRAIN_STORE` when the name exists. */
  mint(name: string): Promise<MintedAgent>;
  /** Stops listening, ends sessions, closes the store. Idempotent. */
  close(): Promise<void>;
}

/** Serves a brain; closes it when the address cannot be listened on. */
export async function listenBrain(
  brain: Brain,
  hostname: string,
  port: number,
): Promise<RunningBrain> {
  try {
    const { fetch, upgrade } = brain;
    const maxMessageBytes = MAX_MESSAGE_BYTES;
    const server = await startServer({ hostname, port, maxMessageBytes, fetch, upgrade });
    brain.listensOn(server.port);
    const close = once(async () => {
      await brain.close();
      await server.close();
    });
    return await describe(brain, hostname, server.port, close);
  } catch (error) {
    await brain.close();
    throw error;
  }
}

/**
 * Checks where a brain shall listen: it is for one machine.
 *
 * @throws {RangeError} when the host name is not loopback or the port is none.
 */
export function checkAddress(hostname: string, port: number): void {
  if (!LOOPBACK.includes(hostname)) {
    throw new RangeError(
      `Cannot serve the brain on ${hostname}: it is for one machine, expected ${
        LOOPBACK.join(", ")
      }`,
    );
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new RangeError(`Cannot serve the brain on port ${port}: expected 0 to 65535`);
  }
}

async function describe(
  brain: Brain,
  hostname: string,
  port: number,
  close: () => Promise<void>,
): Promise<RunningBrain> {
  const host = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  const { project, apiToken, reader, operator } = brain;
  return {
    baseUrl: `http://${host}`,
    wsUrl: `ws://${host}/ws/agent`,
    port,
    signInUrl: `http://${host}${await brain.signInPath()}`,
    apiToken,
    project,
    reader,
    operator,
    mint: (name) => operator.mintAgent(project.id, name),
    close,
    [Symbol.asyncDispose]: close,
  };
}
