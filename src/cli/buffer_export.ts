import { errorText } from "../base/errors.ts";
import { loadFileOps } from "../buffer/file_ops_node.ts";
import { loadSqlite } from "../buffer/load_sqlite.ts";
import { closeQuietly } from "../buffer/sqlite_driver.ts";
import type { OpenSqlite } from "../buffer/sqlite_driver.ts";
import { buffersIn } from "./buffer_ls.ts";
import type { Command } from "./command.ts";
import { HOME_FLAG, HOME_HELP, homeOf, partialSettings } from "./home.ts";
import { type CliIo, EXIT } from "./io.ts";

const PAGE = 500;

/** `z4j buffer export`: the events that wait, a line each. */
export const bufferExportCommand: Command = {
  name: "buffer export",
  summary: "events that wait, one line of JSON each; changes nothing",
  help: ["[PATH]            one buffer (default: all of the home)", HOME_HELP],
  examples: ["z4j buffer export > waiting.ndjson", "z4j buffer export ~/.z4j/buffer-1.sqlite"],
  flags: HOME_FLAG,
  maxRest: 1,
  async run(flags, io) {
    const [path] = flags.rest;
    const paths = path === undefined
      ? (await buffersIn(homeOf(partialSettings(flags)), null)).map((file) => file.path)
      : [path];
    const open = await loadSqlite();
    const files = await loadFileOps();
    let isWhole = true;
    for (const one of paths.filter((name) => !name.endsWith(".kv"))) {
      // Opening what is not there would create it.
      const isThere = files.exists(one);
      if (!isThere) io.err(`Cannot read ${one}: there is no such file`);
      isWhole = isThere && exportFile(one, open, io) && isWhole;
    }
    return isWhole ? EXIT.ok : EXIT.failed;
  },
};

function exportFile(path: string, open: OpenSqlite, io: CliIo): boolean {
  let driver: ReturnType<OpenSqlite> | undefined;
  try {
    driver = open(path);
    const page = driver.prepare("SELECT id, text FROM entries WHERE id > ? ORDER BY id LIMIT ?");
    for (let after = 0;;) {
      const rows = page.all(after, PAGE);
      for (const row of rows) io.out(String(row["text"]));
      if (rows.length < PAGE) return true;
      after = Number(rows.at(-1)?.["id"]);
    }
  } catch (error) {
    io.err(`Cannot read all of ${path}: ${errorText(error)}`);
    return false;
  } finally {
    if (driver !== undefined) closeQuietly(driver);
  }
}
