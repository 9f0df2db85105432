import type { JsonObject } from "../base/json.ts";
import type { ActionContext, ActionOutcome } from "../engines/contract.ts";
import type { SignedFrame } from "../protocol/frames.ts";

/** A command as its handler sees it (protocol section 17). */
export interface ReceivedCommand {
  /** Command UUID, which is the id of the frame. */
  readonly id: string;
  /** Action name, for example `retry_task`. */
  readonly action: string;
  /** What it is about: `type`, `id`, perhaps `engine` and `scheduler`. */
  readonly target: JsonObject;
  /** Inputs of the action. */
  readonly parameters: JsonObject;
  /** How long the brain waits, in milliseconds from receipt. */
  readonly timeoutMs: number;
  /** To be repeated in every answer. */
  readonly claimToken: string | null;
}

/** Carries out one action. What it throws becomes a failed result. */
export type CommandHandler = (
  command: ReceivedCommand,
  context: ActionContext,
) => Promise<ActionOutcome>;

/** Maps action names to handlers; further actions plug in here. */
export interface CommandRegistry {
  /** Adds a handler; a later one for the same action replaces it. */
  register(action: string, handler: CommandHandler): void;
  /** The handler of an action. */
  find(action: string): CommandHandler | undefined;
  /** All known actions, sorted. */
  actions(): readonly string[];
}

/** Creates a registry that knows no action. */
export function createCommandRegistry(): CommandRegistry {
  const handlers = new Map<string, CommandHandler>();
  return {
    register: (action, handler) => void handlers.set(action, handler),
    find: (action) => handlers.get(action),
    actions: () => [...handlers.keys()].sort(),
  };
}

const DEFAULT_TIMEOUT_S = 60;
const MAX_TIMEOUT_S = 3600;

/** Reads a verified command frame; anything missing gets its default. */
export function readCommand(frame: SignedFrame): ReceivedCommand {
  const { action, target, parameters, timeout_seconds, delivery_claim_token } = frame.payload;
  const seconds = typeof timeout_seconds === "number" && timeout_seconds > 0
    ? Math.min(timeout_seconds, MAX_TIMEOUT_S)
    : DEFAULT_TIMEOUT_S;
  return {
    id: frame.id,
    action: typeof action === "string" ? action : "",
    target: asObject(target),
    parameters: asObject(parameters),
    timeoutMs: seconds * 1000,
    claimToken: typeof delivery_claim_token === "string" ? delivery_claim_token : null,
  };
}

/** A text member that is present and not empty, or `null`. */
export function textMember(object: JsonObject, key: string): string | null {
  const value = object[key];
  return typeof value === "string" && value !== "" ? value : null;
}

/** A member that is an object, or an empty one. */
export function objectMember(object: JsonObject, key: string): JsonObject {
  return asObject(object[key]);
}

function asObject(value: unknown): JsonObject {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? value as JsonObject : {};
}
