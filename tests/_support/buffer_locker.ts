// Holds the write lock of a buffer file until it is killed.
import { writeSync } from "node:fs";
import process from "node:process";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";

const driver = (await loadSqlite())(process.argv[2] ?? "");
driver.exec("BEGIN IMMEDIATE");
writeSync(1, "locked\n");
setInterval(() => driver.prepare("SELECT 1").get(), 1_000);
