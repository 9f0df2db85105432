import { parseArgs } from "node:util";
import { errorText, nearestName } from "@z4j/core/diagnostics";
import type { ProbeId } from "./probe.ts";
import { PROBES } from "./probes/all.ts";

/** What the command line asks for. */
export interface DoctorFlags {
  readonly json: boolean;
  readonly websocket: boolean;
  readonly roundTrip: boolean;
  readonly handshake: boolean;
  readonly permissions: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
  readonly help: boolean;
  readonly version: boolean;
  readonly color: boolean;
  readonly timeoutMs: number;
  readonly only: readonly ProbeId[] | undefined;
  readonly envFile: string | undefined;
  readonly app: string;
}

const FLAGS = {
  json: { type: "boolean" },
  "no-websocket": { type: "boolean" },
  "no-round-trip": { type: "boolean" },
  handshake: { type: "boolean" },
  permissions: { type: "boolean" },
  verbose: { type: "boolean", short: "v" },
  quiet: { type: "boolean", short: "q" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
  "no-color": { type: "boolean" },
  timeout: { type: "string" },
  only: { type: "string", multiple: true },
  "env-file": { type: "string" },
  app: { type: "string" },
} as const;

const DEFAULT_SECONDS = 5;
const MAX_SECONDS = 600;

/** The text of `--help`. */
export const HELP: string = `Finds what keeps the events of this app from arriving at its z4j brain.

Run it as the user of the service, with the environment of the service.

Examples
  z4j-doctor                        look at everything
  z4j-doctor --no-websocket         the brain is offline on purpose: network and disk only
  z4j-doctor --json                 one JSON document for scripts
  z4j-doctor --only dns,tcp,tls     these probes, and what they need
  z4j-doctor --env-file /etc/app.env
                                    with the variables of a file; the environment wins
  z4j-doctor --permissions          the flags that Deno needs for this app

Flags
  --json             one JSON document on stdout
  --no-websocket     do not speak to the brain
  --no-round-trip    do not send a probe event
  --handshake        send a full hello too; only while no other agent uses the token
  --timeout SECONDS  longest time of one probe (default ${DEFAULT_SECONDS})
  --only NAMES       probes, separated by commas
  --permissions      print the flags for Deno and nothing else
  --env-file PATH    read variables from a file
  --app DIR          directory of the app's package.json or deno.json (default .)
  --verbose, -v      times, sources of settings, further facts
  --quiet, -q        print only what is not OK
  --no-color         no colours; NO_COLOR does the same
  --version          print the version
  --help, -h         show this

Probes
  ${wrapped(PROBES.map(({ id }) => id))}

Exit codes: 0 every probe passed, 1 one failed, 2 wrong usage`;

function wrapped(names: readonly string[]): string {
  const lines: string[] = [""];
  for (const name of names) {
    const at = lines.length - 1;
    const line = lines[at] ?? "";
    if (line.length + name.length > 76) lines.push(name);
    else lines[at] = line === "" ? name : `${line}, ${name}`;
  }
  return lines.join(",\n  ");
}

/** The flags, or what is wrong with them. */
export function parseFlags(argv: readonly string[]): DoctorFlags | string {
  const unknown = argv.find((arg) => arg.startsWith("--") && !isFlag(arg));
  if (unknown !== undefined) return unknownFlag(unknown);
  try {
    const { values } = parseArgs({ args: [...argv], options: FLAGS, strict: true });
    const timeoutMs = parseSeconds(values.timeout ?? String(DEFAULT_SECONDS));
    if (timeoutMs === null) return `--timeout: expected seconds up to ${MAX_SECONDS}`;
    const only = parseOnly(values.only);
    if (typeof only === "string") return only;
    return {
      json: values.json ?? false,
      websocket: !(values["no-websocket"] ?? false),
      roundTrip: !(values["no-round-trip"] ?? false),
      handshake: values.handshake ?? false,
      permissions: values.permissions ?? false,
      verbose: values.verbose ?? false,
      quiet: values.quiet ?? false,
      help: values.help ?? false,
      version: values.version ?? false,
      color: !(values["no-color"] ?? false),
      timeoutMs,
      only,
      envFile: values["env-file"],
      app: values.app ?? ".",
    };
  } catch (error) {
    // The parser's advice on positional arguments does not apply here.
    return errorText(error).split("\n")[0]?.split(". ")[0] ?? "wrong usage";
  }
}

function isFlag(arg: string): boolean {
  return Object.hasOwn(FLAGS, arg.slice(2).split("=")[0] ?? "");
}

function unknownFlag(arg: string): string {
  const name = (arg.slice(2).split("=")[0] ?? "").slice(0, 40);
  const nearest = nearestName(name, Object.keys(FLAGS));
  const hint = nearest === null ? "see --help" : `did you mean --${nearest}?`;
  return `Unknown flag --${name}: ${hint}`;
}

function parseSeconds(text: string): number | null {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  return seconds > 0 && seconds <= MAX_SECONDS ? seconds * 1000 : null;
}

function parseOnly(values: readonly string[] | undefined): readonly ProbeId[] | undefined | string {
  if (values === undefined) return undefined;
  const names = values.flatMap((value) => value.split(",")).map((name) => name.trim())
    .filter((name) => name !== "");
  const ids = PROBES.map(({ id }) => id);
  const unknown = names.find((name) => !ids.some((id) => id === name));
  if (unknown !== undefined) {
    const nearest = nearestName(unknown, ids);
    const hint = nearest === null
      ? `expected one of ${ids.join(", ")}`
      : `did you mean ${nearest}?`;
    return `--only: there is no probe ${JSON.stringify(unknown.slice(0, 40))}, ${hint}`;
  }
  return names.length === 0
    ? "--only: expected names of probes"
    : ids.filter((id) => names.includes(id));
}
