import type { RequestFacts, ServerSocketHandlers } from "../platform/serve_port.ts";
import type { BrainOperator } from "./operator_port.ts";
import type { BrainReader } from "./store.ts";

/** What the gateway needs to know of an upgrade request. */
export interface UpgradeFacts {
  /** The `Authorization` header, or `null`. */
  readonly authorization: string | null;
  /** Address of the peer, for the connect rate. */
  readonly remoteAddress: string;
}

/** The side of the brain that agents connect to. */
export interface Gateway {
  /** Handlers for one agent socket at `/ws/agent`. */
  accept(facts: UpgradeFacts): ServerSocketHandlers;
}

/** Where agents poll and post when no socket passes (protocol 22). */
export interface AgentHttp {
  /** Answers one request below `/api/v1/agent/`. Never rejects. */
  handle(request: Request, facts: RequestFacts): Promise<Response>;
}

/** Everything of the brain below HTTP: store, gateway, commands. */
export interface BrainCore {
  /** Queries for API and pages. */
  readonly reader: BrainReader;
  /** Actions for API and pages. */
  readonly operator: BrainOperator;
  /** Where agents connect. */
  readonly gateway: Gateway;
  /** Where agents poll and post; absent when only sockets are served. */
  readonly agentHttp?: AgentHttp;
  /** Ends every session with 1001, commits, closes the file. Idempotent. */
  close(): Promise<void>;
}
