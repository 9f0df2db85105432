import { randomHex } from "../base/ids.ts";
import { openBuffer } from "../buffer/open.ts";
import { openAnyOrphan } from "../buffer/open_orphan.ts";
import type { OrphanParts } from "../buffer/orphan.ts";
import { buffersIn } from "./buffer_ls.ts";
import type { Command } from "./command.ts";
import {
  HOME_FLAG,
  HOME_HELP,
  homeOf,
  orphanParts,
  partialSettings,
  projectFingerprint,
} from "./home.ts";
import { CommandError, EXIT } from "./io.ts";

const READ_LIMITS = { maxCount: 500, maxBytes: 1024 * 1024 };

interface RecoveredFile {
  readonly path: string;
  /** The buffer that the events are in now, or `null`. */
  readonly into: string | null;
  readonly events: number;
  /** Why nothing was done, or `null`. */
  readonly kept: string | null;
}

/** `z4j buffer recover`: what is readable in damaged buffers, in a fresh one. */
export const bufferRecoverCommand: Command = {
  name: "buffer recover",
  summary: "moves what is readable in damaged buffers into a fresh one, which an agent adopts",
  help: [
    "[PATH]            one damaged buffer (default: all of the home)",
    HOME_HELP,
    "Exit code 1 when a buffer had to be left as it is.",
  ],
  examples: ["z4j buffer recover", "z4j buffer recover ~/.z4j/buffer-1.sqlite.corrupt-1700000000"],
  flags: HOME_FLAG,
  maxRest: 1,
  async run(flags, io) {
    const values = partialSettings(flags);
    const home = homeOf(values);
    const fingerprint = await projectFingerprint(values);
    const [path] = flags.rest;
    const damaged = (await buffersIn(home, fingerprint))
      .filter(({ state }) => state === "damaged").map((file) => file.path);
    const parts = await orphanParts(fingerprint);
    const files: RecoveredFile[] = [];
    for (const one of path === undefined ? damaged : [path]) {
      files.push(await recover(one, home, parts));
    }
    if (flags.has("json")) io.out(JSON.stringify({ buffers: files }, null, 2));
    else if (files.length === 0) io.out("No damaged buffer is here.");
    else for (const file of files) io.out(describe(file));
    return files.every(({ kept }) => kept === null) ? EXIT.ok : EXIT.failed;
  },
};

async function recover(path: string, home: string, parts: OrphanParts): Promise<RecoveredFile> {
  if (!parts.files.exists(path)) throw new CommandError(`Cannot recover ${path}: it is not there`);
  const answer = await openAnyOrphan(path, parts);
  if (answer.kind !== "orphan") {
    const kept = answer.kind === "busy" ? "somebody uses it" : answer.reason;
    return { path, into: null, events: 0, kept };
  }
  const { orphan } = answer;
  const into = `${home}/buffer-recovered-${randomHex(4)}.sqlite`;
  const buffer = await openBuffer({ path: into, fingerprint: parts.fingerprint ?? undefined });
  let events = 0;
  let isDone = false;
  try {
    if (!buffer.capabilities.durable) throw new CommandError(`Cannot write ${into}`);
    for (let afterId = 0, more = true; more;) {
      const page = await orphan.read(afterId, READ_LIMITS);
      for (const { text, bytes, kind, class: cls } of page.rows) {
        buffer.push({ text, bytes, kind, class: cls });
      }
      await buffer.settled();
      events += page.rows.length;
      afterId = page.lastId;
      more = page.more;
    }
    isDone = true;
  } finally {
    await buffer.close();
    // The damaged file goes once its events are on disk elsewhere.
    await orphan.close(isDone);
  }
  return { path, into: events === 0 ? null : into, events, kept: null };
}

function describe({ path, into, events, kept }: RecoveredFile): string {
  if (kept !== null) return `${path}: kept (${kept})`;
  return into === null
    ? `${path}: nothing in it can be read`
    : `${path}: ${events} events are in ${into}`;
}
