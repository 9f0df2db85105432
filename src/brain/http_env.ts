import type { Context } from "hono";
import type { Clock } from "../base/clock.ts";
import type { RequestFacts } from "../platform/serve_port.ts";
import type { Auth } from "./auth.ts";
import type { AgentHttp } from "./gateway_port.ts";
import type { Live } from "./live.ts";
import type { BrainOperator } from "./operator_port.ts";
import type { BrainReader } from "./store.ts";

/** Where the brain is reachable; filled in once the port is known. */
export interface Address {
  /** Port that it listens on, or `null` while unknown. */
  port: number | null;
}

/** What every route works with. */
export interface HttpParts {
  readonly reader: BrainReader;
  readonly operator: BrainOperator;
  readonly auth: Auth;
  readonly live: Live;
  readonly clock: Clock;
  readonly address: Address;
  /** Where agents poll and post, when that is served. */
  readonly agentHttp: AgentHttp | undefined;
  /** Slug of the project that the page shows. */
  readonly project: string;
}

/** Types of Hono's context in this brain. */
export interface HttpEnv {
  Bindings: RequestFacts;
}

/** A request on its way through this brain. */
export type HttpContext = Context<HttpEnv>;

/** A refusal that becomes `{"detail": ...}` with its status. */
export class HttpRefusal extends Error {
  /** HTTP status of the answer. */
  readonly status: RefusalStatus;

  /** Creates the refusal from its status and a text for people. */
  constructor(status: RefusalStatus, detail: string) {
    super(detail);
    this.name = "HttpRefusal";
    this.status = status;
  }
}

/** The statuses that refusals use. */
export type RefusalStatus =
  | 400
  | 401
  | 403
  | 404
  | 408
  | 409
  | 410
  | 413
  | 415
  | 421
  | 422
  | 429
  | 503;
