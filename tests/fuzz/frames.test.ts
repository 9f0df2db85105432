import { deepStrictEqual as deepEqual, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { FUZZ } from "./random.ts";
import { runTarget } from "./target.ts";
import { framesTarget } from "./targets/frames.ts";

describe("hostile frames", () => {
  it("the verifier takes no changed frame, and none against the protocol that is signed", async () => {
    const { failures, outcomes } = await runTarget(framesTarget, FUZZ);
    deepEqual(failures, []);
    const taken = outcomes["signed, taken"] ?? 0;
    ok(taken > FUZZ.cases / 2_000, `only ${taken} were right: the grammar proves nothing`);
    ok((outcomes["mutated, bad_signature"] ?? 0) > FUZZ.cases / 1_000, JSON.stringify(outcomes));
  });
});
