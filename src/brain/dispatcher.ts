import type { CancelTimer } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import { engineOf } from "./command_rules.ts";
import {
  deliverableCommands,
  markDispatched,
  markUndelivered,
  nextCommandDeadline,
  type StoredCommand,
  timeOutCommands,
} from "./commands.ts";
import type { BrainContext } from "./context.ts";
import { type LiveSession, mayReceive, type SessionRegistry } from "./sessions.ts";

/** Turns stored parameters into those on the wire; may need a digest or token. */
export type PrepareParameters = (command: StoredCommand) => Promise<JsonObject>;

/** Brings commands to sessions and times them out. */
export class Dispatcher {
  readonly #context: BrainContext;
  readonly #sessions: SessionRegistry;
  readonly #prepare: PrepareParameters;
  #cancel: CancelTimer | undefined;
  #dueMs = Infinity;

  /** Takes the sessions to deliver to. */
  constructor(context: BrainContext, sessions: SessionRegistry, prepare: PrepareParameters) {
    this.#context = context;
    this.#sessions = sessions;
    this.#prepare = prepare;
  }

  /** Sends a fresh command to whoever may have it; else it stays pending. */
  deliver(command: StoredCommand): void {
    this.watch();
    const { action } = command.row;
    const session = command.sessionGeneration === null
      ? this.#sessions.receiver(command.agent, action, engineOf(command.row))
      : this.#sessions.byGeneration(command.sessionGeneration);
    if (session !== null) this.#send(session, command);
  }

  /** Sends what waited for this agent to connect (protocol 17.8). */
  deliverPending(session: LiveSession): void {
    const limit = this.#context.limits.pendingOnConnect;
    for (const command of deliverableCommands(this.#context, session.agent, limit)) {
      if (mayReceive(session, command.row.action, engineOf(command.row))) {
        this.#send(session, command);
      }
    }
  }

  /** Sets the one timer for the next deadline. */
  watch(): void {
    const dueMs = nextCommandDeadline(this.#context) ?? Infinity;
    if (dueMs === this.#dueMs && this.#cancel !== undefined) return;
    this.stop();
    if (dueMs === Infinity) return;
    this.#dueMs = dueMs;
    const delayMs = Math.max(0, dueMs - this.#context.clock.now());
    this.#cancel = this.#context.clock.setTimer(() => this.#expire(), delayMs);
  }

  /** Stops the timer. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#dueMs = Infinity;
  }

  #expire(): void {
    this.#cancel = undefined;
    this.#dueMs = Infinity;
    if (this.#context.db.closed) return;
    try {
      timeOutCommands(this.#context);
      this.watch();
    } catch (error) {
      this.#context.logger.error({ error: errorText(error) }, "Commands could not be timed out");
    }
  }

  /** At most once: the state moves before the bytes do. */
  #send(session: LiveSession, command: StoredCommand): void {
    if (!markDispatched(this.#context, command)) return;
    this.watch();
    this.#prepare(command)
      .then((parameters) =>
        session.send("command", command.row.id, commandPayload(command, parameters))
      )
      .catch((error: unknown) => {
        this.#context.logger.error({ error: errorText(error) }, "A command could not be sent");
        return false;
      })
      .then((sent) => {
        if (!sent && !this.#context.db.closed) markUndelivered(this.#context, command);
      })
      .catch((error: unknown) => {
        this.#context.logger.error(
          { error: errorText(error) },
          "A command could not be taken back",
        );
      });
  }
}

/** The payload of a command frame (protocol 17.2). */
export function commandPayload(command: StoredCommand, parameters: JsonObject): JsonObject {
  const { row } = command;
  const target: Record<string, JsonValue> = {
    type: row.target["type"] ?? null,
    id: row.target["id"] ?? null,
  };
  const filter = row.parameters["filter"];
  const engine = isJsonObject(filter) ? filter["engine"] : row.parameters["engine"];
  const known = typeof engine === "string" ? engine : row.target["engine"];
  if (typeof known === "string") target["engine"] = known;
  const scheduler = row.parameters["scheduler"] ?? row.target["scheduler"];
  if (typeof scheduler === "string") target["scheduler"] = scheduler;
  return {
    action: row.action,
    target,
    parameters,
    timeout_seconds: Math.max(1, Math.round(row.timeoutMs / 1000)),
    issued_by: null,
    delivery_claim_token: command.claimToken,
  };
}
