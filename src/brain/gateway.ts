import type { ServerSocketHandlers } from "../platform/serve_port.ts";
import { ConnectRate } from "./connect_rate.ts";
import type { GatewayParts } from "./gateway_parts.ts";
import type { Gateway, UpgradeFacts } from "./gateway_port.ts";
import { GatewayConnection } from "./gateway_connection.ts";

/** A gateway that can be shut down. */
export interface ClosableGateway extends Gateway {
  /** Ends every connection with 1001. */
  close(): void;
}

const GOING_AWAY = 1001;

/** The door that agents connect to (protocol 2 to 9). */
export function createGateway(
  parts: GatewayParts,
  rate: ConnectRate = new ConnectRate(parts.context.clock, parts.context.limits.connectsPerMinute),
): ClosableGateway {
  const connections = new Set<GatewayConnection>();
  let isOpen = true;
  return {
    accept(facts: UpgradeFacts): ServerSocketHandlers {
      const connection = new GatewayConnection(parts, bearerToken(facts.authorization), {
        isAdmitted: () => rate.admit(facts.remoteAddress),
        onEnd: () => void connections.delete(connection),
      });
      connections.add(connection);
      if (!isOpen) connection.close(GOING_AWAY);
      return connection;
    },
    close() {
      isOpen = false;
      for (const connection of [...connections]) connection.close(GOING_AWAY);
    },
  };
}

/** The token of an `Authorization` header, or `null` (protocol 2.2). */
export function bearerToken(header: string | null): string | null {
  const parts = /^\s*bearer\s+(\S+)\s*$/i.exec(header ?? "");
  return parts?.[1] ?? null;
}
