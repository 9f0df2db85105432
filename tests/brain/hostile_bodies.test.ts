import { match, strictEqual as equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BrainBed } from "../fuzz/targets/brain_bed.ts";

const P = "/api/v1/projects/default";

describe("hostile bodies at the JSON interface", () => {
  let bed: BrainBed;
  before(async () => {
    bed = await BrainBed.open();
    await bed.fill(await bed.connect());
  });
  after(() => bed.close());

  const post = async (path: string, body: string): Promise<string> => {
    const headers = { "content-type": "application/json" };
    const response = await bed.ask(`${P}/${path}`, { method: "POST", headers, body });
    return `${response.status} ${await response.text()}`;
  };
  const submit = (args: string): Promise<string> =>
    post(
      "commands/submit-task",
      `{"agent_id":"${bed.minted.agent.id}","engine":"bullmq","name":"send","args":[${args}]}`,
    );

  it("refuses a name that no agent may have with 422", async () => {
    for (const name of [" ", "x".repeat(65), "a\\u0000b", "\\ud800"]) {
      match(await post("agents", `{"name":"${name}"}`), /^422 \{"detail":"[^"]+"\}$/, name);
    }
    match(await post("agents", `{"name":"${"😀".repeat(64)}"}`), /^201 /);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const body = `name=${"x".repeat(65)}`;
    equal((await bed.ask("/agents", { method: "POST", headers, body })).status, 422);
    bed.requireQuiet();
  });

  it("refuses half a surrogate pair anywhere, which no frame can carry, with 422", async () => {
    for (const args of ['"\\ud800"', '["\\udc00\\ud800"]', '{"\\ud800":1}']) {
      match(await submit(args), /^422 \{"detail":"[^"]+surrogate[^"]+"\}$/, args);
    }
    match(await submit('"\\ud83d\\ude00"'), /^202 /);
    bed.requireQuiet();
  });

  it("refuses a number beyond a double with 422: it would arrive as null", async () => {
    for (const args of ["1e400", "[-1e400]", '{"a":1e999}']) {
      match(await submit(args), /^422 \{"detail":"[^"]+number[^"]+"\}$/, args);
    }
    match(await submit("1e300"), /^202 /);
    bed.requireQuiet();
  });

  it("refuses a body that is nested too deeply with 422 or 400", async () => {
    for (const levels of [201, 1_000, 20_000]) {
      for (const [open, close] of [["[", "]"], ['{"a":', "}"]] as const) {
        const told = await submit(`${open.repeat(levels)}1${close.repeat(levels)}`);
        match(told, /^4(00|13|22) \{"detail":"[^"]+"\}$/, `${levels} levels`);
      }
    }
    match(await submit(`${"[".repeat(190)}${"]".repeat(190)}`), /^202 /);
    bed.requireQuiet();
  });
});
