import { buffersIn } from "./buffer_ls.ts";
import type { Command } from "./command.ts";
import { type DrainedFile, drainFile, openDrainLine } from "./drain.ts";
import {
  HOME_FLAG,
  HOME_HELP,
  homeOf,
  orphanParts,
  projectFingerprint,
  wholeSettings,
} from "./home.ts";
import { EXIT } from "./io.ts";

/** `z4j buffer drain`: sends what dead processes left, now. */
export const bufferDrainCommand: Command = {
  name: "buffer drain",
  summary: "sends the events of processes that ended, and removes what the brain took",
  help: [
    "[PATH]            one buffer (default: all orphaned ones of the home)",
    HOME_HELP,
    "Needs the settings of an agent of the same project. Buffers in use are left alone.",
    "Exit code 1 when something stays, 3 when the brain cannot be reached, 4 when it refuses.",
  ],
  examples: ["z4j buffer drain", "z4j buffer drain ~/.z4j/buffer-4711.sqlite --json"],
  flags: HOME_FLAG,
  maxRest: 1,
  async run(flags, io) {
    const settings = wholeSettings(flags);
    const fingerprint = await projectFingerprint(settings);
    const [path] = flags.rest;
    const found = await buffersIn(homeOf(settings), fingerprint);
    const paths = path === undefined
      ? found.filter(({ state }) => state === "orphan").map((file) => file.path)
      : [path];
    const files: DrainedFile[] = [];
    if (paths.length > 0) {
      const line = await openDrainLine(settings);
      const parts = await orphanParts(fingerprint);
      for (const one of paths) files.push(await drainFile(one, parts, line));
    }
    if (flags.has("json")) io.out(JSON.stringify({ buffers: files }, null, 2));
    else if (files.length === 0) io.out("No orphaned buffer waits.");
    else for (const file of files) io.out(describe(file));
    const isAll = files.every(({ kept, tooLarge }) => kept === null && tooLarge === 0);
    return isAll ? EXIT.ok : EXIT.failed;
  },
};

function describe({ path, sent, tooLarge, kept }: DrainedFile): string {
  if (kept !== null) return `${path}: kept (${kept})`;
  const left = tooLarge === 0
    ? ""
    : `, ${tooLarge} stay: too large for a request, an agent with a WebSocket sends them`;
  return `${path}: ${sent} events sent${left}`;
}
