import type { Logger } from "../base/logger.ts";
import { type StartFacts, type StartRefusal, startRefusal } from "./start_rules.ts";

/** Whether an agent may start without being asked. */
export interface StartGate {
  /** Why not, or `null`. */
  refusal(): StartRefusal | null;
  /** Says so, once for each rule. */
  tell(refusal: StartRefusal): void;
}

/** What the gate asks. */
export interface GateParts {
  /** The setting. */
  readonly autostart: boolean;
  /** Further names, or `false` for no rules but the setting. */
  readonly skip: readonly string[] | false;
  /** The process, looked at when an agent is about to start. */
  readonly facts: () => StartFacts;
  /** Whether a later copy of this module has replaced the agent. */
  readonly isSuperseded: () => boolean;
  readonly logger: Logger;
}

const SUPERSEDED: StartRefusal = {
  rule: "superseded",
  because: "a reload has started the agent of a newer copy of this module",
};

/** Creates the gate; nothing is looked at yet. */
export function createStartGate(parts: GateParts): StartGate {
  const told = new Set<string>();
  return {
    refusal() {
      if (!parts.autostart) return { rule: "autostart-off", because: "autostart, Z4J_AUTOSTART" };
      if (parts.isSuperseded()) return SUPERSEDED;
      return parts.skip === false ? null : startRefusal(parts.facts(), parts.skip);
    },
    tell({ rule, because }) {
      if (told.has(rule)) return;
      told.add(rule);
      parts.logger.info(
        { rule },
        `agent not started: rule ${rule} (${because}); an explicit start() would start it`,
      );
    },
  };
}
