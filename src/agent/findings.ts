import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Engine, EngineFinding, LintFacts } from "../engines/contract.ts";
import { guardCall } from "./guard.ts";
import { LINT_DEADLINE_MS, LINT_INTERVAL_MS, MAX_FINDINGS } from "./limits.ts";
import type { RedactorLike } from "./recorder.ts";

/** What the findings are collected from. */
export interface FindingParts {
  /** Engines to ask. */
  readonly engines: readonly Engine[];
  /** Facts about the process that engines cannot see. */
  readonly facts: () => LintFacts;
  /** Time source. */
  readonly clock: Clock;
  /** Removes what is sensitive. */
  readonly redactor: RedactorLike;
  /** Where a new finding is told once. */
  readonly logger: Logger;
}

/** A finding and the engine that has it. */
export interface AgentFinding extends EngineFinding {
  /** Name of the engine. */
  readonly engine: string;
}

/** The last known findings of all engines. */
export interface Findings {
  /** Asks every engine whose answer is old and that is not being asked. Never rejects. */
  refresh(): Promise<void>;
  /** Everything that is known now; engines without an answer yet are missing. */
  all(): readonly AgentFinding[];
  /** Members for `adapter_health`: `<engine>.findings`, a JSON text. */
  report(): Record<string, string>;
}

/** Creates the collection; it knows nothing yet and has no timer of its own. */
export function createFindings(parts: FindingParts): Findings {
  const { engines, clock } = parts;
  const known = new Map<string, readonly AgentFinding[]>();
  const askedAtMs = new Map<string, number>();
  const told = new Set<string>();

  const ask = async (engine: Engine, lint: NonNullable<Engine["lint"]>): Promise<void> => {
    const answer = await guardCall(
      clock,
      LINT_DEADLINE_MS,
      () => lint.call(engine, parts.facts()),
    );
    // An engine that cannot answer now keeps what it said before.
    if (!answer.ok) return;
    try {
      const found = usable(answer.value, engine.name, parts.redactor);
      known.set(engine.name, found);
      for (const finding of found) tell(finding);
    } catch {
      // An engine that answers rubbish has no findings; everything else goes on.
    }
  };

  const tell = (finding: AgentFinding): void => {
    const key = `${finding.engine} ${finding.code} ${finding.subject}`;
    if (told.has(key) || told.size >= MAX_TOLD) return;
    told.add(key);
    const { engine, code, subject, message, remedy, severity } = finding;
    const level = severity === "info" ? "info" : "warn";
    parts.logger[level]({ engine, code, subject }, `${message} ${remedy}`);
  };

  const isDue = (engine: string): boolean =>
    clock.monotonic() - (askedAtMs.get(engine) ?? -Infinity) >= LINT_INTERVAL_MS;

  return {
    async refresh() {
      await Promise.all(engines.map(async (engine) => {
        if (engine.lint === undefined || !isDue(engine.name)) return;
        askedAtMs.set(engine.name, clock.monotonic());
        await ask(engine, engine.lint);
      }));
    },
    all: () => [...known.values()].flat(),
    report: () =>
      Object.fromEntries(
        [...known].map(([engine, found]) => [`${engine}.findings`, JSON.stringify(wire(found))]),
      ),
  };
}

// Subjects come and go with queues; the memory of what was told must not grow.
const MAX_TOLD = 500;
const MAX_TEXT = 500;

// Foreign code answers: what does not look like findings is left out.
function usable(
  answer: unknown,
  engine: string,
  redactor: RedactorLike,
): readonly AgentFinding[] {
  if (!Array.isArray(answer)) return [];
  return answer.filter(isFinding).slice(0, MAX_FINDINGS).map((finding) => {
    const { code, severity, subject, message, remedy } = finding;
    const shown = (text: string): string => String(redactor.redact(text.slice(0, MAX_TEXT)));
    return {
      engine,
      code: code.slice(0, MAX_TEXT),
      severity,
      subject: shown(subject),
      message: shown(message),
      remedy: shown(remedy),
    };
  });
}

function isFinding(value: unknown): value is EngineFinding {
  if (typeof value !== "object" || value === null) return false;
  const { code, severity, subject, message, remedy } = value as Partial<EngineFinding>;
  return [code, subject, message, remedy].every((text) => typeof text === "string") &&
    (severity === "info" || severity === "warning" || severity === "error");
}

function wire(found: readonly AgentFinding[]): readonly EngineFinding[] {
  return found.map(({ code, severity, subject, message, remedy }) => (
    { code, severity, subject, message, remedy }
  ));
}
