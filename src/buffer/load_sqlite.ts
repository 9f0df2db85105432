import { Z4jError } from "../base/errors.ts";
import type { OpenSqlite } from "./sqlite_driver.ts";

/**
 * The SQLite of this runtime: `bun:sqlite` on Bun, `node:sqlite` elsewhere.
 *
 * @param globals Where the runtime is seen. Default: `globalThis`.
 * @throws {Z4jError} `Z4J_RUNTIME_UNSUPPORTED` when there is neither.
 */
export async function loadSqlite(globals: object = globalThis): Promise<OpenSqlite> {
  const isBun = "Bun" in globals;
  try {
    return isBun
      ? await (await import("./sqlite_bun.ts")).loadBunSqlite()
      : await (await import("./sqlite_node.ts")).loadNodeSqlite();
  } catch (cause) {
    throw new Z4jError(
      "Z4J_RUNTIME_UNSUPPORTED",
      "Cannot load SQLite: this runtime has neither bun:sqlite nor node:sqlite, " +
        "expected Bun 1.4, Deno 2.9 or Node 22.5",
      { cause },
    );
  }
}
