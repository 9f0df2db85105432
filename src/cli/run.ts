import { errorText, isZ4jError } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import { bufferDrainCommand } from "./buffer_drain.ts";
import { bufferExportCommand } from "./buffer_export.ts";
import { bufferLsCommand } from "./buffer_ls.ts";
import { bufferRecoverCommand } from "./buffer_recover.ts";
import type { Command } from "./command.ts";
import { brainCommand, checkCommand, doctorCommand } from "./delegates.ts";
import { eventsCommand } from "./events.ts";
import { COMMON, quote, readFlags, suggestion } from "./flags.ts";
import { type CliIo, CommandError, EXIT, UsageError } from "./io.ts";
import { reconcileCommand } from "./reconcile.ts";
import { reconnectCommand } from "./reconnect.ts";
import { statusCommand } from "./status.ts";

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  doctorCommand,
  checkCommand,
  statusCommand,
  reconnectCommand,
  bufferLsCommand,
  bufferDrainCommand,
  bufferRecoverCommand,
  bufferExportCommand,
  eventsCommand,
  reconcileCommand,
  brainCommand,
];

/**
 * The command line `z4j`.
 *
 * @returns The exit code: 0 done and well, 1 not well or failed, 2 wrong usage,
 * 3 the brain cannot be reached, 4 it refuses the credentials.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    if (error instanceof UsageError) {
      io.err(`${error.message}\nTry --help`);
      return EXIT.usage;
    }
    io.err(error instanceof CommandError || isZ4jError(error) ? error.message : errorText(error));
    return error instanceof CommandError ? error.exit : EXIT.failed;
  }
}

async function dispatch(argv: readonly string[], io: CliIo): Promise<number> {
  const [first = ""] = argv;
  if (first === "--version") return print(VERSION, io);
  if (first === "" || first === "help" || first === "--help" || first === "-h") {
    io.out(overview());
    return first === "" ? EXIT.usage : EXIT.ok;
  }
  const command = find(argv);
  const rest = argv.slice(command.name.split(" ").length);
  if (command.flags === null) {
    return await command.run(readFlags([], COMMON, 0), io, rest);
  }
  const flags = readFlags(rest, { ...COMMON, ...command.flags }, command.maxRest);
  if (flags.has("help")) return print(helpOf(command), io);
  return await command.run(flags, io, rest);
}

function find(argv: readonly string[]): Command {
  const [first = "", second = ""] = argv;
  const command = COMMANDS.find(({ name }) => name === `${first} ${second}`) ??
    COMMANDS.find(({ name }) => name === first);
  if (command !== undefined) return command;
  const below = COMMANDS.filter(({ name }) => name.startsWith(`${first} `))
    .map(({ name }) => name.slice(first.length + 1));
  if (below.length > 0) {
    const hint = second === "" || second.startsWith("-")
      ? `expected one of ${below.join(", ")}`
      : suggestion(second, below, `${first} `);
    throw new UsageError(`Unknown command ${quote(`${first} ${second}`.trim())}: ${hint}`);
  }
  const words = [...new Set(COMMANDS.map(({ name }) => name.split(" ")[0] ?? ""))];
  throw new UsageError(`Unknown command ${quote(first)}: ${suggestion(first, words)}`);
}

function print(text: string, io: CliIo): number {
  io.out(text);
  return EXIT.ok;
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `z4j ${VERSION}: agents, buffers and brain of this machine

Examples
  z4j doctor                  why do events not arrive?
  z4j status                  who runs here, and how are they?
  z4j buffer drain            send what dead processes left
  z4j events --tail           follow what the brain hears
  z4j brain --mint web        a brain for this machine, with one agent

Commands
${lines.join("\n")}

Every command takes --help and --json.
${EXIT_TEXT}`;
}

const EXIT_TEXT = "Exit codes: 0 done and well, 1 not well or failed, 2 wrong usage, " +
  "3 brain unreachable,\n4 credentials refused";

function helpOf({ name, summary, help, examples }: Command): string {
  return [
    `z4j ${name}: ${summary}`,
    "",
    "Examples",
    ...examples.map((line) => `  ${line}`),
    "",
    "Flags",
    ...help.map((line) => `  ${line}`),
    "  --json            data for scripts on stdout",
    "  --help, -h        show this",
    "",
    EXIT_TEXT,
  ].join("\n");
}
