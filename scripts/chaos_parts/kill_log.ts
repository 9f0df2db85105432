import { existsSync, readFileSync } from "node:fs";

/** Who was killed. */
export type Victim = "agent" | "brain";

/** What was done to the processes of a run. */
export interface KillLog {
  /** Somebody was killed, at a named place or at any time. */
  killed(victim: Victim, point: string | null): void;
  /** A process ended although nobody killed it, or did not do as it was told; where it logs. */
  accident(what: string, logFile?: string): void;
  /** Kills so far. */
  readonly kills: Readonly<Record<Victim, number>>;
  /** Kills by place: `agent after-send`. */
  readonly points: Readonly<Record<string, number>>;
  /** What went wrong outside the account. */
  readonly accidents: readonly string[];
}

/** The last line of a log that names an error. */
function lastError(file: string): string {
  const lines = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  return (lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? "no word").trim();
}

/** Creates an empty log; `told` hears of each kill. */
export function createKillLog(told: (kills: number) => void): KillLog {
  const kills = { agent: 0, brain: 0 };
  const points: Record<string, number> = {};
  const accidents: string[] = [];
  return {
    kills,
    points,
    accidents,
    accident(what, logFile) {
      accidents.push(logFile === undefined ? what : `${what}: ${lastError(logFile)}`);
    },
    killed(victim, point) {
      kills[victim]++;
      const name = `${victim} ${point ?? "at any time"}`;
      points[name] = (points[name] ?? 0) + 1;
      told(kills.agent + kills.brain);
    },
  };
}
