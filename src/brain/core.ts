import { type Clock, systemClock } from "../base/clock.ts";
import { errorText, Z4jError } from "../base/errors.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { type Logger, noopLogger, safeLogger } from "../base/logger.ts";
import { once } from "../base/once.ts";
import { loadFileOps } from "../buffer/file_ops_node.ts";
import { loadSqlite } from "../buffer/load_sqlite.ts";
import { createPlatform } from "../platform/node.ts";
import { importHmacKey } from "../protocol/hmac.ts";
import { computePurgeToken } from "../protocol/purge_token.ts";
import { createRedactor } from "../redaction/redactor.ts";
import { agentByTokenHash, tokenRefusal } from "./agents.ts";
import { createChangeFeed } from "./changes.ts";
import type { StoredCommand } from "./commands.ts";
import { ConnectRate } from "./connect_rate.ts";
import { type BrainContext, type RandomSource, systemRandom } from "./context.ts";
import { type Database, openDatabase } from "./database.ts";
import { Dispatcher } from "./dispatcher.ts";
import { controlWithDigest } from "./external_control.ts";
import { ExternalSchedules } from "./external_schedules.ts";
import { createGateway } from "./gateway.ts";
import type { GatewayParts } from "./gateway_parts.ts";
import type { BrainCore } from "./gateway_port.ts";
import { Ingestor } from "./ingest.ts";
import { type BrainLimits, DEFAULT_LIMITS } from "./limits.ts";
import { createLongPoll } from "./long_poll.ts";
import { createOperator } from "./operator.ts";
import { createReader } from "./reader.ts";
import { type BrainSecrets, openSecrets } from "./secrets.ts";
import { SessionRegistry } from "./sessions.ts";
import { storeError } from "./sqlite_errors.ts";
import { Sweeper } from "./sweeper.ts";

/** How to open the brain. */
export interface BrainCoreOptions {
  /** A directory, a file ending in `.db` or `.sqlite`, or `:memory:`. */
  readonly path: string;
  /** Time. Default: the clock of this process. */
  readonly clock?: Clock | undefined;
  /** Source of ids and secrets. Default: Web Crypto. */
  readonly random?: RandomSource | undefined;
  /** Where lines go. Default: nowhere. */
  readonly logger?: Logger | undefined;
  /** Bounds that differ from those of the stock brain. */
  readonly limits?: Partial<BrainLimits> | undefined;
}

/** Every part of an open brain, for the gateway and for tests. */
export interface BrainParts extends GatewayParts {
  readonly secrets: BrainSecrets;
  readonly sweeper: Sweeper;
}

/**
 * Opens the brain below HTTP: its database, the gateway that agents connect
 * to, queries and actions.
 *
 * One process at a time may serve agents from a database; others may read it.
 *
 * @throws {Z4jError} `Z4J_BRAIN_STORE` when the path or the database is not
 * usable, `Z4J_RUNTIME_UNSUPPORTED` without SQLite.
 *
 * @example Mint an agent
 * ```ts
 * import { openBrainCore } from "@z4j/core/brain";
 *
 * const brain = await openBrainCore({ path: ":memory:" });
 * const project = brain.operator.createProject("default", "Default");
 * const { token, hmacSecret } = await brain.operator.mintAgent(project.id, "web");
 * await brain.close();
 * ```
 */
export async function openBrainCore(options: BrainCoreOptions): Promise<BrainCore> {
  const parts = await openBrainParts(options);
  const { context, dispatcher, ingestor, sweeper } = parts;
  // Connects and long-poll requests share one count (protocol 22.6).
  const rate = new ConnectRate(context.clock, context.limits.connectsPerMinute);
  const gateway = createGateway(parts, rate);
  const longPoll = createLongPoll(parts, rate);
  dispatcher.watch();
  sweeper.wake();
  return {
    reader: createReader(context),
    operator: createOperator(parts),
    gateway,
    agentHttp: longPoll,
    close: once(() => {
      ingestor.flush();
      longPoll.close();
      gateway.close();
      dispatcher.stop();
      sweeper.stop();
      context.changes.close();
      context.db.close();
      return Promise.resolve();
    }),
  };
}

/** Opens the parts of a brain without its gateway. */
export async function openBrainParts(options: BrainCoreOptions): Promise<BrainParts> {
  const context = await openContext(options);
  const { db, logger } = context;
  const secrets = secretsOf(context, options.path);
  const redactor = createRedactor();
  const redact = (value: JsonValue): JsonValue => redactor.redact(value);
  const sessions = new SessionRegistry(context.limits.workersPerAgent);
  const externals = new ExternalSchedules(context, redact);
  const sweeper = new Sweeper(context);
  const onOnline = (): void => sweeper.wake();
  const projectSecret = (id: string): Promise<Uint8Array> => secrets.projectSecret(id);
  return {
    context,
    secrets,
    sessions,
    externals,
    sweeper,
    redact,
    logger,
    onOnline,
    projectKey: async (id) => await importHmacKey(await projectSecret(id)),
    dispatcher: new Dispatcher(
      context,
      sessions,
      (command) => prepareCommand(command, projectSecret),
    ),
    ingestor: new Ingestor(context, redact, onOnline),
    identify: async (token) => agentByTokenHash(db, await secrets.hashToken(token)),
    whyRefused: async (token) => tokenRefusal(db, await secrets.hashToken(token)),
  };
}

function secretsOf({ db, random }: BrainContext, path: string): BrainSecrets {
  try {
    return openSecrets(db, random);
  } catch (cause) {
    db.close();
    throw storeError(path, cause);
  }
}

async function openContext(options: BrainCoreOptions): Promise<BrainContext> {
  const clock = options.clock ?? systemClock;
  const logger = safeLogger(options.logger ?? noopLogger);
  const path = databasePath(options.path);
  // SQLite would create it with the umask's mode; side files get the mode of the file.
  if (path !== ":memory:") await ensurePrivate(path);
  const db: Database = openDatabase(await loadSqlite(), path);
  const onError = (error: unknown): void => {
    logger.error({ error: errorText(error) }, "A change listener failed");
  };
  return {
    db,
    clock,
    logger,
    random: options.random ?? systemRandom,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    changes: createChangeFeed(clock, onError),
  };
}

async function ensurePrivate(path: string): Promise<void> {
  try {
    (await loadFileOps()).ensurePrivate(path);
  } catch (cause) {
    throw storeError(path, cause);
  }
}

function databasePath(path: string): string {
  if (path === ":memory:" || /\.(?:db|sqlite3?)$/.test(path)) return path;
  const state = createPlatform().ensurePrivateDir(path);
  if (state.kind === "usable") return `${path.replace(/[\\/]+$/, "")}/brain.db`;
  throw new Z4jError("Z4J_BRAIN_STORE", `Cannot open brain directory ${path}: ${state.reason}`);
}

/** Adds what only the brain can compute: purge tokens (protocol 19) and digests. */
async function prepareCommand(
  command: StoredCommand,
  projectSecret: (projectId: string) => Promise<Uint8Array>,
): Promise<JsonObject> {
  const { action, parameters, projectId } = command.row;
  if (action === "schedule.external.control") return await controlWithDigest(command);
  if (action !== "purge_queue") return parameters;
  const { observed_depth: depth, ...rest } = parameters;
  const queue = parameters["queue"];
  const isStated = typeof depth === "number" && Number.isSafeInteger(depth) && depth >= 0;
  const confirm = isStated && typeof queue === "string"
    ? await computePurgeToken(await projectSecret(projectId), queue, depth)
    : parameters["confirm_token"] ?? null;
  return { ...rest, confirm_token: confirm, force: parameters["force"] ?? false };
}
