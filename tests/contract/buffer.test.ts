import { describe, it } from "node:test";
import { join } from "node:path";
import { loadFileOps } from "../../src/buffer/file_ops_node.ts";
import { openKvStore } from "../../src/buffer/kv_store.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import { createMemoryStore } from "../../src/buffer/memory.ts";
import { openSqliteStore } from "../../src/buffer/sqlite.ts";
import { testEventStore } from "../../src/testing/buffer_contract.ts";
import { createKvDouble } from "../_support/buffer_kv_double.ts";
import { tempDir } from "../_support/buffer_files.ts";

testEventStore("memory", (limits) => ({ store: createMemoryStore(limits) }), { describe, it });

testEventStore("sqlite", async (limits) => {
  const { dir, remove } = tempDir();
  const [driver, files] = [await loadSqlite(), await loadFileOps()];
  const open = () => openSqliteStore({ driver, path: join(dir, "buffer.sqlite"), limits, files });
  return { store: open(), reopen: open, cleanup: remove };
}, { describe, it });

testEventStore("sqlite where processes cannot share memory", async (limits) => {
  const { dir, remove } = tempDir();
  const driver = await loadSqlite();
  const files = { ...await loadFileOps(), sharesMemory: () => false };
  const open = () => openSqliteStore({ driver, path: join(dir, "buffer.sqlite"), limits, files });
  return { store: open(), reopen: open, cleanup: remove };
}, { describe, it });

testEventStore("sqlite without file operations", async (limits) => {
  const { dir, remove } = tempDir();
  const driver = await loadSqlite();
  const open = () => openSqliteStore({ driver, path: join(dir, "buffer.sqlite"), limits });
  return { store: open(), reopen: open, cleanup: remove };
}, { describe, it });

testEventStore("deno-kv over a double with its limits", async (limits) => {
  const { data } = createKvDouble();
  const open = () => openKvStore({ kv: createKvDouble(data), limits });
  return { store: await open(), reopen: open };
}, { describe, it });
