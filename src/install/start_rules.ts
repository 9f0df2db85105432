import type { ProcessFacts } from "../platform/process_facts.ts";
import { BUILD_WORDS, ONE_SHOT_SCRIPTS, ONE_SHOT_TOOLS, TASK_NAME } from "./one_shot.ts";

/** A rule by which an agent does not start by itself. */
export type StartRule =
  | "autostart-off"
  | "test-runner"
  | "repl"
  | "one-shot-tool"
  | "build"
  | "worker-thread"
  | "cluster-primary"
  | "superseded";

/** Why an agent does not start by itself. */
export interface StartRefusal {
  /** The rule, as the documentation names it. */
  readonly rule: StartRule;
  /** What it was recognised by. */
  readonly because: string;
}

/** What the rules look at. */
export interface StartFacts extends ProcessFacts {
  /** The variables of `START_ENV_NAMES` that are set. */
  readonly env: Readonly<Record<string, string>>;
}

/** Variables that the rules read. */
export const START_ENV_NAMES: readonly string[] = [
  "NODE_TEST_CONTEXT",
  "VITEST",
  "VITEST_WORKER_ID",
  "JEST_WORKER_ID",
  "PLAYWRIGHT_TEST",
  "NEXT_PHASE",
  "npm_lifecycle_event",
];

const TEST_MARKS: readonly (readonly [string, string])[] = [
  ["NODE_TEST_CONTEXT", "node --test"],
  ["VITEST", "vitest"],
  ["VITEST_WORKER_ID", "vitest"],
  ["JEST_WORKER_ID", "jest"],
  ["PLAYWRIGHT_TEST", "playwright"],
];

const TEST_FILE = /[._](test|spec)\.[cm]?[jt]sx?$/;

/**
 * The rule that forbids an automatic start in this process, or `null`.
 *
 * @param facts The process.
 * @param skip Further names of scripts, tools and package scripts.
 */
export function startRefusal(
  facts: StartFacts,
  skip: readonly string[] = [],
): StartRefusal | null {
  return testRunner(facts) ?? place(facts) ?? oneShot(facts, skip);
}

function testRunner({ runner, mainPath, env }: StartFacts): StartRefusal | null {
  const refuse = (because: string): StartRefusal => ({ rule: "test-runner", because });
  if (runner !== null) return refuse(runner);
  // An empty variable counts as none, as everywhere.
  const mark = TEST_MARKS.find(([name]) => (env[name] ?? "") !== "");
  if (mark !== undefined) return refuse(mark[1]);
  // `bun test` shows itself by nothing but the file that it runs.
  if (mainPath !== null && TEST_FILE.test(mainPath)) {
    return refuse(`${baseName(mainPath)} is a test`);
  }
  return null;
}

function place({ isRepl, isWorkerThread, isClusterPrimary }: StartFacts): StartRefusal | null {
  if (isRepl) return { rule: "repl", because: "code is typed at a prompt" };
  if (isWorkerThread) {
    return { rule: "worker-thread", because: "the process's main thread has one" };
  }
  if (!isClusterPrimary) return null;
  return { rule: "cluster-primary", because: "the forked workers have agents of their own" };
}

function oneShot(
  { mainPath, args, env }: StartFacts,
  skip: readonly string[],
): StartRefusal | null {
  if (env["NEXT_PHASE"] === "phase-production-build") {
    return { rule: "build", because: "next build" };
  }
  const names = mainPath === null ? [] : namesOf(mainPath);
  const task = env["npm_lifecycle_event"];
  const word = args[0] ?? "";
  const own = [...names, task, word].find((name) => name !== undefined && skip.includes(name));
  if (own !== undefined) return { rule: "one-shot-tool", because: `${own} (option skip)` };
  const tool = names.find((name) => ONE_SHOT_TOOLS.has(name));
  if (tool !== undefined) return { rule: "one-shot-tool", because: tool };
  const builder = names.find((name) => BUILD_WORDS.get(name)?.includes(word));
  if (builder !== undefined) return { rule: "build", because: `${builder} ${word}` };
  const script = names[0];
  if (script !== undefined && ONE_SHOT_SCRIPTS.has(script)) {
    return { rule: "one-shot-tool", because: `the script ${script}` };
  }
  if (task === undefined || !TASK_NAME.test(task)) return null;
  return { rule: "one-shot-tool", because: `the package script ${task}` };
}

/** The script's name without its ending, and the package that it belongs to. */
function namesOf(path: string): readonly string[] {
  const name = baseName(path).replace(/\.[cm]?[jt]sx?$/, "");
  const inside =
    /[/\\]node_modules[/\\](?:\.bin[/\\])?((?:@[^/\\]+[/\\])?[^/\\]+)(?!.*[/\\]node_modules[/\\])/
      .exec(path)?.[1];
  return inside === undefined ? [name] : [name, inside.replace("\\", "/")];
}

function baseName(path: string): string {
  return path.replace(/^.*[/\\]/, "");
}
