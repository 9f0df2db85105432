import type { AgentIdentity } from "../../src/agent/agent_types.ts";

/** What the agent of a trial says that it is. */
export function hostIdentity(trial: string): AgentIdentity {
  return {
    framework: "bare",
    agentVersion: "0.0.0",
    hostName: "nth",
    workerId: trial,
    workerRole: "task",
    pid: 1,
    startedAtMs: Date.now(),
  };
}

/** What the agents of all hosts sign with. */
export const SECRET: Uint8Array<ArrayBuffer> = new Uint8Array(32).fill(9);
/** What they say to the brain of the run. */
export const TOKEN = "token-of-the-nth-call";
