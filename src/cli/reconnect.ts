import { hangUp, type HangUpOutcome } from "../platform/process_probe.ts";
import { PRESENCE_FOLDER } from "../presence/limits.ts";
import { readPresence } from "../presence/read.ts";
import type { Command } from "./command.ts";
import { HOME_FLAG, HOME_HELP, homeOf, partialSettings } from "./home.ts";
import { EXIT } from "./io.ts";

const WORDS: Readonly<Record<HangUpOutcome, string>> = {
  sent: "dials at once, unless it is connected",
  gone: "cannot be told: it is gone or belongs to another user",
  stranger: "is left alone: the process of this number here is another one (a container?)",
  deaf: "is left alone: it runs in a terminal and would end by the signal",
};

/** `z4j reconnect`: agents dial at once. */
export const reconnectCommand: Command = {
  name: "reconnect",
  summary: "tells the agents of this home to dial at once (SIGHUP)",
  help: [
    HOME_HELP,
    "--pid N           only this process",
    "Exit code 1 when an agent could not be told, or none runs.",
  ],
  examples: ["z4j reconnect", "z4j reconnect --pid 4711"],
  flags: { ...HOME_FLAG, pid: { type: "string" } },
  maxRest: 0,
  async run(flags, io) {
    const home = homeOf(partialSettings(flags));
    const only = flags.number("pid", 0, 1, 2 ** 22);
    const agents = (await readPresence(home)).filter(({ pid }) => only === 0 || pid === only);
    const told = agents.map(({ pid, id }) => ({
      pid,
      outcome: hangUp(pid, `${home}/${PRESENCE_FOLDER}/${id}.json`),
    }));
    const isWell = told.length > 0 && told.every(({ outcome }) => outcome === "sent");
    if (flags.has("json")) io.out(JSON.stringify({ home, ok: isWell, agents: told }));
    else if (told.length === 0) io.out(`No agent runs with ${home}.`);
    else for (const { pid, outcome } of told) io.out(`pid ${pid} ${WORDS[outcome]}`);
    return isWell ? EXIT.ok : EXIT.failed;
  },
};
