import { deepStrictEqual as deepEqual, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { FUZZ } from "./random.ts";
import { runTarget } from "./target.ts";
import { settingsTarget } from "./targets/settings.ts";

describe("hostile settings", () => {
  it("resolveSettings() answers its union and never a value when options and variables are any", async () => {
    const { failures, outcomes } = await runTarget(settingsTarget, FUZZ);
    deepEqual(failures, []);
    ok((outcomes["taken"] ?? 0) > 0 && (outcomes["refused"] ?? 0) > 0, JSON.stringify(outcomes));
  });
});
