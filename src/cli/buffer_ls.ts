import { listBuffers } from "../buffer/list.ts";
import type { BufferFile } from "../buffer/list.ts";
import type { Command } from "./command.ts";
import { HOME_FLAG, HOME_HELP, homeOf, partialSettings, projectFingerprint } from "./home.ts";
import { EXIT } from "./io.ts";
import { textTable } from "./text_table.ts";

/** `z4j buffer ls`: every buffer of the home. */
export const bufferLsCommand: Command = {
  name: "buffer ls",
  summary: "buffers of this home: state, events, bytes",
  help: [HOME_HELP],
  examples: ["z4j buffer ls", "z4j buffer ls --json"],
  flags: HOME_FLAG,
  maxRest: 0,
  async run(flags, io) {
    const values = partialSettings(flags);
    const home = homeOf(values);
    const files = await buffersIn(home, await projectFingerprint(values));
    if (flags.has("json")) io.out(JSON.stringify({ home, buffers: files }, null, 2));
    else if (files.length === 0) io.out(`No buffer is in ${home}.`);
    else io.out(textTable(["state", "events", "bytes", "path"], files.map(row)).join("\n"));
    return EXIT.ok;
  },
};

/** The buffers of a home; `fingerprint` tells those of other projects. */
export async function buffersIn(
  home: string,
  fingerprint: string | null,
): Promise<readonly BufferFile[]> {
  return await listBuffers(home, fingerprint === null ? {} : { fingerprint });
}

function row({ state, events, bytes, path }: BufferFile): readonly string[] {
  return [state, String(events ?? "?"), String(bytes ?? "?"), path];
}
