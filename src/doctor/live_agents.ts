import type { IsGranted } from "@z4j/core/diagnostics";

/** An agent that runs with this home. */
export interface LiveAgent {
  readonly pid: number;
  readonly workerId: string;
  readonly name: string | null;
  readonly state: string;
  readonly framework: string;
  readonly engines: readonly string[];
  readonly schedulers: readonly string[];
  readonly capabilities: Readonly<Record<string, readonly string[]>>;
  readonly advice: string | null;
  readonly errorCode: number | null;
}

/** Agents that announced themselves in this home. */
export function readLiveAgents(
  _home: string | null,
  _isGranted: IsGranted,
): Promise<readonly LiveAgent[]> {
  return Promise.resolve([]);
}
