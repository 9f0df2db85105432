import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type StartFacts, startRefusal } from "../../src/install/start_rules.ts";

const PLAIN: StartFacts = {
  runtime: "bun",
  mainPath: "/app/src/main.ts",
  args: [],
  runner: null,
  isRepl: false,
  isWorkerThread: false,
  isClusterPrimary: false,
  env: {},
};

describe("startRefusal()", () => {
  const starts: readonly [string, Partial<StartFacts>][] = [
    ["a server", {}],
    ["code given on the command line", { mainPath: null }],
    ["a package script that serves", { env: { npm_lifecycle_event: "start" } }],
    ["a package script with a longer name", { env: { npm_lifecycle_event: "builder-service" } }],
    ["vite's server", { mainPath: "/app/node_modules/.bin/vite", args: ["--port", "1"] }],
    ["next's server", { mainPath: "/app/node_modules/next/dist/bin/next", args: ["start"] }],
    ["a script with a test's name in the middle", { mainPath: "/app/contest.ts" }],
  ];
  for (const [what, facts] of starts) {
    it(`lets ${what} start`, () => assert.equal(startRefusal({ ...PLAIN, ...facts }), null));
  }

  const refused: readonly [string, string, Partial<StartFacts>][] = [
    ["test-runner", "deno test", { runner: "deno test" }],
    ["test-runner", "deno bench", { runner: "deno bench" }],
    ["test-runner", "node --test", { env: { NODE_TEST_CONTEXT: "child-v8" } }],
    ["test-runner", "vitest", { env: { VITEST: "true" } }],
    ["test-runner", "jest", { env: { JEST_WORKER_ID: "1" } }],
    ["test-runner", "mail.test.ts is a test", { mainPath: "/app/mail.test.ts" }],
    ["test-runner", "mail_test.ts is a test", { mainPath: "/app/mail_test.ts" }],
    ["repl", "code is typed at a prompt", { isRepl: true, mainPath: null }],
    ["worker-thread", "the process's main thread has one", { isWorkerThread: true }],
    ["cluster-primary", "the forked workers have agents of their own", { isClusterPrimary: true }],
    ["one-shot-tool", "drizzle-kit", { mainPath: "/app/node_modules/drizzle-kit/bin.cjs" }],
    ["one-shot-tool", "tsc", { mainPath: "/app/node_modules/.bin/tsc" }],
    ["one-shot-tool", "the script migrate", { mainPath: "/app/src/migrate.ts" }],
    ["one-shot-tool", "the package script db:migrate", {
      env: { npm_lifecycle_event: "db:migrate" },
    }],
    ["one-shot-tool", "the package script build", { env: { npm_lifecycle_event: "build" } }],
    ["build", "vite build", { mainPath: "/app/node_modules/vite/bin/vite.js", args: ["build"] }],
    ["build", "next build", { env: { NEXT_PHASE: "phase-production-build" } }],
  ];
  for (const [rule, because, facts] of refused) {
    it(`refuses by ${rule}: ${because}`, () => {
      assert.deepEqual(startRefusal({ ...PLAIN, ...facts }), { rule, because });
    });
  }

  it("takes further names from the option, for scripts, their words and package scripts", () => {
    for (
      const facts of [
        { mainPath: "/app/backfill.ts" },
        { args: ["backfill"] },
        { env: { npm_lifecycle_event: "backfill" } },
      ]
    ) {
      assert.equal(startRefusal({ ...PLAIN, ...facts }), null);
      const refusal = startRefusal({ ...PLAIN, ...facts }, ["backfill"]);
      assert.deepEqual(refusal, { rule: "one-shot-tool", because: "backfill (option skip)" });
    }
  });
});
