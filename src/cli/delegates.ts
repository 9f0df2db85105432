import { VERSION } from "../base/version.ts";
import { errorText } from "../base/errors.ts";
import type { Command } from "./command.ts";
import { type CliIo, CommandError } from "./io.ts";

type RunDoctor = (argv: readonly string[], io: CliIo) => Promise<number>;

/** `z4j doctor`: the package of its own. */
export const doctorCommand: Command = {
  name: "doctor",
  summary: "finds what keeps events from arriving; see z4j doctor --help",
  help: [],
  examples: ["z4j doctor", "z4j doctor --json"],
  flags: null,
  maxRest: 0,
  run: async (_flags, io, argv) => await (await loadDoctor())(argv, io),
};

const CHECKED = "settings,buffer_path,dns,tcp,tls";

/** `z4j check`: what can be known without speaking to the brain, in one line. */
export const checkCommand: Command = {
  name: "check",
  summary: "settings, buffer, name, connection, TLS: one line for deploy scripts",
  help: ["Takes --timeout, --env-file and --json of the doctor."],
  examples: ["z4j check || exit 1"],
  flags: null,
  maxRest: 0,
  async run(_flags, io, argv) {
    const doctor = await loadDoctor();
    const args = ["--only", CHECKED, ...argv];
    if (argv.includes("--json") || argv.includes("--help")) return await doctor(args, io);
    const code = await doctor(["--quiet", ...args], io);
    if (code === 0) io.out(`all green (${CHECKED.split(",").length} probes)`);
    return code;
  },
};

/** `z4j brain`: the embedded brain. */
export const brainCommand: Command = {
  name: "brain",
  summary: "serves the embedded brain on this machine; see z4j brain --help",
  help: [],
  examples: ["z4j brain --mint web"],
  flags: null,
  maxRest: 0,
  async run(_flags, io, argv) {
    // Only this command loads the brain, and Hono with it.
    const { runBrainCli } = await import("../brain/cli.ts");
    return await runBrainCli(argv, io);
  },
};

/**
 * The doctor: beside this file in a checkout and in the npm package, a package
 * of its own on JSR.
 */
async function loadDoctor(): Promise<RunDoctor> {
  const here = import.meta.url;
  const beside = new URL(`../doctor/command.${here.endsWith(".ts") ? "ts" : "js"}`, here).href;
  const names = here.startsWith("file:")
    ? [beside, "@z4j/doctor/cli"]
    : [`jsr:@z4j/doctor@^${VERSION}/cli`];
  let reason = "";
  for (const name of names) {
    try {
      const loaded = await import(name) as { readonly runDoctorCommand: RunDoctor };
      return loaded.runDoctorCommand;
    } catch (error) {
      reason = errorText(error);
    }
  }
  throw new CommandError(
    `Cannot load the doctor: ${reason.split("\n")[0]}, expected the package @z4j/doctor`,
  );
}
