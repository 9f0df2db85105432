import { errorText } from "../base/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import type { SignedFrame } from "../protocol/frames.ts";
import type { JsonTree } from "../protocol/json_tree.ts";
import { touchAgent } from "./agents.ts";
import { acknowledgeCommand, finishCommand } from "./commands.ts";
import type { GatewayParts } from "./gateway_parts.ts";
import { storeHeartbeat } from "./heartbeat.ts";
import type { BatchOutcome } from "./ingest.ts";
import { ACK_ID_CHARS } from "./limits.ts";
import type { LiveSession } from "./sessions.ts";

const REVOKED = 4003;
// Batches whose commit is under way; beyond it the connection waits for one.
const UNCOMMITTED = 64;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

interface Submitted {
  readonly committed: Promise<BatchOutcome>;
  readonly isSequenced: boolean;
}

/** Carries out the verified frames of one session. */
export class FrameRouter {
  readonly #parts: GatewayParts;
  readonly #session: LiveSession;
  #uncommitted = 0;

  /** Takes the session to answer on. */
  constructor(parts: GatewayParts, session: LiveSession) {
    this.#parts = parts;
    this.#session = session;
  }

  /** Handles one frame; resolves when the next one may follow. */
  async handle(frame: SignedFrame, payload: JsonTree): Promise<void> {
    if (frame.type === "event_batch") return await this.#events(frame, payload);
    try {
      if (!this.#control(frame)) this.#session.close(REVOKED);
    } catch (error) {
      // Control frames are never acknowledged; one that cannot be stored is lost (protocol 15).
      this.#parts.logger.error(
        { error: errorText(error), type: frame.type },
        "A frame was dropped",
      );
    }
  }

  /** False when the agent is revoked. */
  #control(frame: SignedFrame): boolean {
    const { context, redact } = this.#parts;
    const session = this.#session;
    if (frame.type === "heartbeat") {
      const isValid = storeHeartbeat(context, session, frame, redact);
      this.#parts.onOnline();
      return isValid;
    }
    if (!touchAgent(context.db, session.agent, context.clock.now())) return false;
    if (frame.type === "command_ack" && UUID.test(frame.id)) {
      acknowledgeCommand(context, session.agent, frame.id.toLowerCase());
    }
    if (frame.type === "command_result" && UUID.test(frame.id)) this.#result(frame);
    // agent_status, registry_delta and error are informative (protocol 16).
    return true;
  }

  #result({ id, payload }: SignedFrame): void {
    const { context, redact, dispatcher } = this.#parts;
    const result = redact(payload["result"] ?? null);
    const error = redact(payload["error"] ?? null);
    const claim = payload["delivery_claim_token"];
    finishCommand(context, this.#session.agent, id.toLowerCase(), {
      status: payload["status"] === "success" ? "success" : "failed",
      result: isJsonObject(result) ? result : null,
      error: typeof error === "string" ? error : null,
      claimToken: typeof claim === "string" ? claim : null,
    });
    dispatcher.watch();
  }

  /** Stores a batch where the answer itself is the ack (protocol 22.4). */
  async store(frame: SignedFrame, payload: JsonTree): Promise<BatchOutcome> {
    return await (await this.#submit(frame, payload)).committed;
  }

  async #events(frame: SignedFrame, payload: JsonTree): Promise<void> {
    const { committed, isSequenced } = await this.#submit(frame, payload);
    const stored = this.#settle(frame.id, committed);
    // A sequenced projection builds on what the one before it stored.
    if (isSequenced || this.#uncommitted >= UNCOMMITTED) await stored;
  }

  async #submit(frame: SignedFrame, payload: JsonTree): Promise<Submitted> {
    const { context, externals, ingestor } = this.#parts;
    const given = frame.payload["events"] ?? [];
    const taken: readonly JsonValue[] = Array.isArray(given)
      ? given.slice(0, context.limits.eventsPerBatch)
      : [];
    const { project, agent } = this.#session;
    const external = await externals.prepare(this.#session, taken, payload);
    const committed = ingestor.submit({ project, agent, events: taken, external });
    return { committed, isSequenced: external !== undefined };
  }

  async #settle(batchId: string, committed: Promise<BatchOutcome>): Promise<void> {
    this.#uncommitted++;
    try {
      this.#answer(batchId, await committed);
    } catch (error) {
      this.#parts.logger.error(
        { error: errorText(error) },
        "A batch was not stored, no ack is sent",
      );
    } finally {
      this.#uncommitted--;
    }
  }

  #answer(batchId: string, outcome: BatchOutcome): void {
    if (outcome.kind === "revoked") return this.#session.close(REVOKED);
    if (outcome.kind === "withheld") return;
    if (outcome.kind === "upgrade_required") {
      return this.#send("error", `err_${batchId}`, {
        code: "scheduler_upgrade_required",
        message: "schedule events must belong to a sequenced stream",
        fatal: true,
      });
    }
    const { received, accepted, rejected } = outcome;
    this.#send("event_batch_ack", `eba_${batchId}`, {
      acked_id: cutId(batchId),
      received,
      accepted,
      rejected,
    });
  }

  #send(type: "error" | "event_batch_ack", id: string, payload: JsonObject): void {
    this.#session.send(type, cutId(id), payload).catch((error: unknown) => {
      this.#parts.logger.error({ error: errorText(error) }, "An answer could not be sent");
    });
  }
}

/** The first 64 characters, counted as the peer does (protocol 15). */
function cutId(id: string): string {
  return id.length <= ACK_ID_CHARS ? id : [...id].slice(0, ACK_ID_CHARS).join("");
}
