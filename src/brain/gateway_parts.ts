import type { Logger } from "../base/logger.ts";
import type { JsonValue } from "../base/json.ts";
import type { HmacKey } from "../protocol/hmac.ts";
import type { AgentIdentity, TokenRefusal } from "./agents.ts";
import type { BrainContext } from "./context.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { ExternalSchedules } from "./external_schedules.ts";
import type { Ingestor } from "./ingest.ts";
import type { SessionRegistry } from "./sessions.ts";

/** What the gateway works with. */
export interface GatewayParts {
  readonly context: BrainContext;
  readonly sessions: SessionRegistry;
  readonly dispatcher: Dispatcher;
  readonly externals: ExternalSchedules;
  readonly ingestor: Ingestor;
  /** Redaction on arrival (protocol 11.1). */
  readonly redact: (value: JsonValue) => JsonValue;
  /** Who a bearer token is, or `null`. */
  readonly identify: (token: string) => Promise<AgentIdentity | null>;
  /** Why `identify` knows nobody by a token. */
  readonly whyRefused: (token: string) => Promise<TokenRefusal>;
  /** The key of a project's agents. */
  readonly projectKey: (projectId: string) => Promise<HmacKey>;
  /** Tells that something came online. */
  readonly onOnline: () => void;
  readonly logger: Logger;
}
