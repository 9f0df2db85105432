import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { once } from "../base/once.ts";
import type { RequestFacts, ServerSocketHandlers } from "../platform/serve_port.ts";
import { createAuth } from "./auth.ts";
import type { BrainCore } from "./gateway_port.ts";
import { createHttp } from "./http.ts";
import type { Address, HttpParts } from "./http_env.ts";
import { createLive } from "./live.ts";
import type { BrainOperator } from "./operator_port.ts";
import type { BrainReader, ProjectRow } from "./store.ts";

/** A brain without a server: mount `fetch` and `upgrade` in one of loopback. */
export interface Brain {
  /** The project that the page shows. */
  readonly project: ProjectRow;
  /** Secret for scripts: `Authorization: Bearer <token>`. */
  readonly apiToken: string;
  /** Queries. */
  readonly reader: BrainReader;
  /** Actions. */
  readonly operator: BrainOperator;
  /** Answers API and page. Never rejects. */
  fetch(request: Request, facts: RequestFacts): Promise<Response>;
  /** Handlers for an agent at `/ws/agent`; `null` for every other request. */
  upgrade(request: Request, facts: RequestFacts): ServerSocketHandlers | null;
  /** Path of a new sign-in link; works once, and ends an earlier unused one. */
  signInPath(): Promise<string>;
  /** Tells the port, which makes the `Host` check exact. */
  listensOn(port: number): void;
  /** Ends sessions and streams, closes the store. Idempotent. */
  close(): Promise<void>;
}

/** What a brain is put together from. */
export interface BrainAssembly {
  readonly core: BrainCore;
  readonly apiToken: string;
  /** Slug of the project that the page shows; created when missing. */
  readonly project: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Puts HTTP in front of a core. */
export async function assembleBrain(assembly: BrainAssembly): Promise<Brain> {
  const { core, apiToken, project: slug, clock, logger } = assembly;
  const { reader, operator, gateway, agentHttp } = core;
  const project = reader.project(slug) ?? operator.createProject(slug, titleOf(slug));
  const auth = await createAuth(apiToken, clock);
  const live = createLive(reader, clock);
  const address: Address = { port: null };
  const parts: HttpParts = {
    reader,
    operator,
    auth,
    live,
    clock,
    address,
    agentHttp,
    project: slug,
  };
  const http = createHttp(parts, logger);
  const close = once(async () => {
    live.close();
    await core.close();
  });
  return {
    project,
    apiToken,
    reader,
    operator,
    fetch: async (request, facts) =>
      URL.canParse(request.url)
        ? await http.fetch(request, facts)
        : Response.json({ detail: "the address of the request is none" }, { status: 400 }),
    upgrade: (request, facts) =>
      isAgentUpgrade(request)
        ? gateway.accept({ authorization: request.headers.get("authorization"), ...facts })
        : null,
    signInPath: async () => `/sign-in?token=${await auth.issueSignIn()}`,
    listensOn: (port) => void (address.port = port),
    close,
  };
}

function isAgentUpgrade(request: Request): boolean {
  // A strange `Host` or target makes an address that is none, which the runtimes pass on.
  return URL.canParse(request.url) && new URL(request.url).pathname === "/ws/agent" &&
    request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

function titleOf(slug: string): string {
  return slug.charAt(0).toUpperCase() + slug.slice(1);
}
