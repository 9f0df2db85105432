/** What an agent is doing. */
export type AgentState =
  /** Not started, or stopped. */
  | "stopped"
  /** Attaching hooks and opening the buffer. */
  | "starting"
  /** Dialling the brain. */
  | "connecting"
  /** A session is open. */
  | "connected"
  /** Waiting before the next attempt; events go to the buffer. */
  | "waiting"
  /** Delivering what can be delivered before the end. */
  | "stopping";

/** Every legal change of state. */
export const TRANSITIONS: Readonly<Record<AgentState, readonly AgentState[]>> = {
  stopped: ["starting"],
  starting: ["connecting", "stopping", "stopped"],
  connecting: ["connected", "waiting", "stopping"],
  connected: ["waiting", "connecting", "stopping"],
  waiting: ["connecting", "stopping"],
  stopping: ["stopped"],
};

/** Tells whether an agent may go from one state to another. */
export function canChange(from: AgentState, to: AgentState): boolean {
  return TRANSITIONS[from].includes(to);
}
