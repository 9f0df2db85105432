import { parseArgs } from "node:util";
import { errorText, isZ4jError } from "../base/errors.ts";
import { consoleLogger, type Logger } from "../base/logger.ts";
import type { RunningBrain } from "./http_listen.ts";
import { DEFAULT_BRAIN_PORT, startBrain } from "./serve.ts";

/** What the command line gives the command. */
export interface BrainCliIo {
  /** Writes a line of data. */
  out(line: string): void;
  /** Writes a line for people. */
  err(line: string): void;
  /** Process id, for whoever started it. */
  readonly pid: number;
  /** Resolves when the process shall end. */
  readonly stopped: Promise<void>;
}

/** An agent in the output of `--json`; the secrets are `null` when it existed. */
interface CliAgent {
  readonly name: string;
  readonly id: string;
  readonly token: string | null;
  readonly hmac_secret: string | null;
}

interface CliOptions {
  readonly port: number;
  readonly dataDir: string | null | undefined;
  readonly project: string;
  readonly names: readonly string[];
  readonly json: boolean;
  readonly help: boolean;
}

const FLAGS = {
  port: { type: "string" },
  data: { type: "string" },
  project: { type: "string" },
  mint: { type: "string", multiple: true },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

const HELP = `Runs a z4j brain on this machine: gateway for agents, API and page.

Examples
  brain                            serve http://127.0.0.1:${DEFAULT_BRAIN_PORT}, keep data in ~/.z4j/brain
  brain --mint web --mint worker   also create two agents and print their settings
  brain --port 0 --data :memory: --mint test --json
                                   free port, nothing on disk, one JSON line on stdout

Flags
  --port N        port; 0 takes a free one (default ${DEFAULT_BRAIN_PORT})
  --data DIR      data directory, or :memory: (default ~/.z4j/brain)
  --project SLUG  project that the page shows (default "default")
  --mint NAME     create an agent; repeatable. An agent that exists is kept and its
                  secrets are not shown again: use another name when they are lost
  --json          print one JSON line on stdout, then serve
  --help          show this

Exit codes: 0 stopped, 1 failed, 2 wrong usage, 3 the port is taken`;

/**
 * The command that serves a brain until it is told to stop.
 *
 * @returns The exit code: 0 stopped, 1 failed, 2 wrong usage, 3 port taken.
 */
export async function runBrainCli(argv: readonly string[], io: BrainCliIo): Promise<number> {
  const options = parseFlags(argv);
  if (typeof options === "string") {
    io.err(`${options}\nTry --help`);
    return 2;
  }
  if (options.help) {
    io.out(HELP);
    return 0;
  }
  try {
    return await serve(options, io);
  } catch (error) {
    io.err(errorText(error));
    return isZ4jError(error) && error.details["reason"] === "port_taken" ? 3 : 1;
  }
}

async function serve(options: CliOptions, io: BrainCliIo): Promise<number> {
  const { port, dataDir, project } = options;
  await using brain = await startBrain({ port, dataDir, project, logger: stderrLogger(io) });
  const agents: CliAgent[] = [];
  for (const name of options.names) agents.push(await mint(brain, name));
  if (options.json) io.out(JSON.stringify(facts(brain, agents, io.pid)));
  else io.out(banner(brain, agents));
  await io.stopped;
  return 0;
}

// A restart with the same names must not cut off agents that run already.
async function mint(brain: RunningBrain, name: string): Promise<CliAgent> {
  const known = brain.reader.agents(brain.project.id)
    .find((agent) => agent.name === name && agent.revokedAtMs === null);
  if (known !== undefined) return { name, id: known.id, token: null, hmac_secret: null };
  const { agent, token, hmacSecret } = await brain.mint(name);
  return { name, id: agent.id, token, hmac_secret: hmacSecret };
}

function facts(brain: RunningBrain, agents: readonly CliAgent[], pid: number): object {
  return {
    base_url: brain.baseUrl,
    ws_url: brain.wsUrl,
    project_slug: brain.project.slug,
    project_id: brain.project.id,
    agents,
    sign_in_url: brain.signInUrl,
    api_token: brain.apiToken,
    pid,
  };
}

function banner(brain: RunningBrain, agents: readonly CliAgent[]): string {
  const blocks = agents.map((agent) =>
    agent.token === null
      ? `\n  Agent "${agent.name}" exists; its secrets were shown when it was created.`
      : [
        `\n  Settings of agent "${agent.name}", shown this once:`,
        `    Z4J_BRAIN_URL=${brain.baseUrl}`,
        `    Z4J_TOKEN=${agent.token}`,
        `    Z4J_HMAC_SECRET=${agent.hmac_secret}`,
        `    Z4J_PROJECT_ID=${brain.project.slug}`,
        `    Z4J_AGENT_NAME=${agent.name}`,
      ].join("\n")
  );
  return `
  z4j brain   ${brain.baseUrl}
  Sign in     ${brain.signInUrl}   (works once)
  API token   ${brain.apiToken}
${blocks.join("\n")}
  Ctrl+C stops it.`;
}

function stderrLogger(io: BrainCliIo): Logger {
  const line = (...values: unknown[]): void => io.err(values.join(" "));
  return consoleLogger("warn", { debug: line, info: line, warn: line, error: line });
}

/** The flags, or what is wrong with them. */
function parseFlags(argv: readonly string[]): CliOptions | string {
  const unknown = argv.find((arg) => arg.startsWith("--") && !isFlag(arg));
  if (unknown !== undefined) return `Unknown flag ${unknown}: ${nearest(unknown)}`;
  try {
    const { values } = parseArgs({ args: [...argv], options: FLAGS, strict: true });
    const port = values.port === undefined ? DEFAULT_BRAIN_PORT : parsePort(values.port);
    if (port === null) return `--port ${values.port}: expected an integer from 0 to 65535`;
    const project = values.project ?? "default";
    if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(project)) {
      return `--project ${project}: expected lower-case letters, digits and dashes`;
    }
    const names = [...new Set(values.mint ?? [])];
    if (names.some((name) => name.trim() === "")) return "--mint: expected a name";
    return {
      port,
      dataDir: values.data === ":memory:" ? null : values.data,
      project,
      names,
      json: values.json ?? false,
      help: values.help ?? false,
    };
  } catch (error) {
    return errorText(error);
  }
}

function parsePort(text: string): number | null {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  return port <= 65_535 ? port : null;
}

function isFlag(arg: string): boolean {
  return arg === "--" || (arg.slice(2).split("=")[0] ?? "") in FLAGS;
}

function nearest(arg: string): string {
  const word = arg.slice(2).split("=")[0] ?? "";
  const scored = Object.keys(FLAGS)
    .map((flag) => ({ flag, steps: editDistance(word, flag) }))
    .sort((left, right) => left.steps - right.steps);
  const best = scored[0];
  return best !== undefined && best.steps <= 3
    ? `did you mean --${best.flag}?`
    : `expected one of ${Object.keys(FLAGS).map((flag) => `--${flag}`).join(", ")}`;
}

// Levenshtein distance, one row at a time.
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, i) => i);
  for (const [i, character] of [...left].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...right].entries()) {
      const replaced = (row[j] ?? 0) + (character === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
