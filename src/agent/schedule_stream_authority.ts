import type { JsonObject } from "../base/json.ts";
import { scheduleScope } from "../protocol/external_schedule.ts";

/** The brain's permission to publish one epoch (protocol section 20.1). */
export interface Authority {
  readonly stream_id: string;
  readonly epoch_uuid: string;
  readonly epoch_number: number;
  readonly source_scope: string;
  readonly adapter_instance_id: string;
  readonly registry_owner_id: string;
  readonly session_generation: string;
}

/** A refusal of a schedule command, with the reason for the operator. */
export class Refusal extends Error {
  /** Whether the effect may be there all the same. */
  readonly indeterminate: boolean;

  /** Creates the refusal. */
  constructor(message: string, indeterminate = false) {
    super(message);
    this.name = "Refusal";
    this.indeterminate = indeterminate;
  }
}

/** Reads the authority of an activation; refuses what is not for `owner`. */
export function readAuthority(parameters: JsonObject, owner: string): Authority {
  if (parameters["owner"] !== owner || parameters["scheduler"] !== owner) {
    throw new Refusal(`the activation is not for the scheduler ${owner}`);
  }
  if (parameters["stable_source"] !== true) throw new Refusal("the source is not stable");
  const authority: Authority = {
    stream_id: textMember(parameters, "stream_id"),
    epoch_uuid: textMember(parameters, "epoch_uuid"),
    epoch_number: numberMember(parameters, "epoch_number"),
    source_scope: textMember(parameters, "source_scope"),
    adapter_instance_id: textMember(parameters, "adapter_instance_id"),
    registry_owner_id: printed(parameters["registry_owner_id"]),
    session_generation: printed(parameters["session_generation"]),
  };
  if (authority.source_scope !== scheduleScope(owner)) {
    throw new Refusal("the source scope is not the one of this scheduler");
  }
  if (authority.epoch_number < 1) throw new Refusal("the epoch is not positive");
  return authority;
}

/** Refuses a command that another epoch or session was given. */
export function checkAuthority(parameters: JsonObject, current: Authority): void {
  for (const name of ["stream_id", "epoch_uuid", "epoch_number", "adapter_instance_id"] as const) {
    if (parameters[name] !== current[name]) throw new Refusal(`${name} is not the current one`);
  }
  for (const name of ["registry_owner_id", "session_generation"] as const) {
    if (printed(parameters[name]) !== current[name]) {
      throw new Refusal(`${name} is not the current one`);
    }
  }
}

/** A text member; refuses anything else. */
export function textMember(parameters: JsonObject, name: string): string {
  const value = parameters[name];
  if (typeof value === "string" && value !== "") return value;
  throw new Refusal(`${name} is missing`);
}

/** An integer member; refuses anything else. */
export function numberMember(parameters: JsonObject, name: string): number {
  const value = parameters[name];
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new Refusal(`${name} is not an integer`);
}

function printed(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}
