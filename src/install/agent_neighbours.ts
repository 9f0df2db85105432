import type { CarryOut, Neighbour } from "../agent/neighbours.ts";
import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { AgentPresence } from "../presence/record.ts";
import { hmacHex, type HmacKey, importHmacKey } from "../protocol/hmac.ts";

/** Lets the processes of one token carry out each other's commands. */
export interface NeighbourDesk {
  /** Sets what carries out commands that neighbours pass on. */
  serve(carryOut: CarryOut): void;
  /** Takes commands at a path from now on; `false` where that cannot be. Never rejects. */
  open(path: string): Promise<boolean>;
  /** A neighbour as the router asks it. */
  neighbour(mate: AgentPresence, path: string): Neighbour;
  /** Takes no more. */
  close(): void;
}

/** What a desk is made of. */
export interface DeskParts {
  /** The secret that the processes of a token share. */
  readonly secret: Uint8Array;
  /** Whether the process may use a socket there without asking anybody. */
  readonly isGranted: (path: string) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Creates a desk that listens nowhere. */
export function createNeighbourDesk(parts: DeskParts): NeighbourDesk {
  const { clock, logger } = parts;
  let carryOut: CarryOut = () =>
    Promise.resolve({ status: "failed", result: null, error: "the agent stops" });
  let server: { close(): void } | null = null;
  let key: Promise<HmacKey> | undefined;
  // Not the secret itself: what is signed here must never pass for a frame.
  const keyOf = (): Promise<HmacKey> =>
    key ??= hmacHex(parts.secret, "z4j neighbours v1").then((hex) =>
      importHmacKey(new TextEncoder().encode(hex))
    );
  return {
    serve: (handler) => void (carryOut = handler),
    async open(path) {
      try {
        const { isLocalPath } = await import("../platform/local_socket.ts");
        if (!isLocalPath(path) || !parts.isGranted(path)) return false;
        const { serveCalls } = await import("../presence/calls.ts");
        server = await serveCalls(path, (command) => carryOut(command), {
          key: await keyOf(),
          clock,
        });
        return true;
      } catch (error) {
        logger.debug({ error: errorText(error) }, "takes no commands of neighbours");
        return false;
      }
    },
    neighbour: (mate, path) => ({
      pid: mate.pid,
      role: mate.role,
      announces: mate.announces,
      async ask(command, limits) {
        if (mate.takesCommands !== true) {
          return { status: "unreached", reason: "it has no socket in the home" };
        }
        if (!parts.isGranted(path)) {
          return { status: "unreached", reason: `--allow-net=unix:${path} is not granted` };
        }
        const { call } = await import("../presence/calls.ts");
        return await call(path, command, limits, { key: await keyOf(), clock });
      },
    }),
    close() {
      server?.close();
      server = null;
    },
  };
}
