import { spawn } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import type { PlacedFault } from "./fault.ts";

const COPIED = [
  "src",
  "tests",
  "scripts",
  "examples",
  "mod.ts",
  "deno.json",
  "package.json",
  "tsconfig.json",
  "bunfig.toml",
];
const DEADLINE_MS = 60_000;
// Below the deadline, so that a hang is a failure with the name of its test.
const TEST_TIMEOUT_MS = 45_000;

/** How a test ended. */
export interface TestEnd {
  readonly outcome: "passed" | "failed" | "late" | "broken";
  readonly seconds: number;
  readonly output: string;
}

/** A copy of the tree in which one fault at a time is planted. */
export class TreeCopy {
  readonly #root: string;

  /** Copies the tree; the packages are shared. */
  constructor() {
    this.#root = mkdtempSync(join(tmpdir(), "z4j-planted-"));
    for (const name of COPIED) {
      mkdirSync(dirname(join(this.#root, name)), { recursive: true });
      cpSync(name, join(this.#root, name), { recursive: true });
    }
    symlinkSync(join(process.cwd(), "node_modules"), join(this.#root, "node_modules"));
  }

  /** Runs the test of a fault with the fault in place. */
  async broken(fault: PlacedFault): Promise<TestEnd> {
    return await this.planted(fault, () => this.sound(fault));
  }

  /**
   * Does something with the tree of that root while a fault is in place.
   *
   * @throws When the text of the fault is not in its file.
   */
  async planted<T>(fault: PlacedFault, work: (root: string) => Promise<T>): Promise<T> {
    const path = join(this.#root, fault.file);
    const whole = readFileSync(path, "utf8");
    if (!whole.includes(fault.find)) throw new Error(`Cannot plant ${fault.id}: no such text`);
    // A function: "$" in the text of a fault has no meaning.
    writeFileSync(path, whole.replace(fault.find, () => fault.replace));
    try {
      return await work(this.#root);
    } finally {
      writeFileSync(path, whole);
    }
  }

  /** Runs the test of a fault as the tree is. */
  sound({ test, name }: PlacedFault): Promise<TestEnd> {
    const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const args = ["test", `--timeout=${TEST_TIMEOUT_MS}`, `./tests/${test}.test.ts`, "-t", escaped];
    return run(join(this.#root, "node_modules/.bin/bun"), args, this.#root);
  }

  /** Removes the copy. */
  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[], cwd: string): Promise<TestEnd> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    // A group of its own: a test that hangs may have started processes.
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let output = "";
    let late = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => output += String(chunk));
    }
    const stop = (): void => {
      try {
        process.kill(-(child.pid ?? 0), "SIGKILL");
      } catch {
        // It has ended.
      }
    };
    const timer = setTimeout(() => {
      late = true;
      stop();
    }, DEADLINE_MS);
    // What the test left behind holds the output open.
    child.on("exit", stop);
    child.on("close", (code) => {
      clearTimeout(timer);
      const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
      resolve({ outcome: late ? "late" : outcomeOf(code, output), seconds, output });
    });
  });
}

/** Only a test that failed notices a fault; a file that cannot be loaded does not. */
function outcomeOf(code: number | null, output: string): TestEnd["outcome"] {
  const passed = Number(/^\s*(\d+) pass$/m.exec(output)?.[1] ?? 0);
  if (code === 0) return passed > 0 ? "passed" : "broken";
  return /^\(fail\)/m.test(output) && !/SyntaxError|Unexpected |Unhandled error/.test(output)
    ? "failed"
    : "broken";
}
