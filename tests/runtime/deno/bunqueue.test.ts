/** bunqueue's client does not load here, neither embedded nor for a server elsewhere. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bunqueueEngine } from "../../../src/engines/bunqueue/mod.ts";

describe("bunqueue on Deno", () => {
  it("refuses to load its client, with the reason that the page tells", async () => {
    const name: string = ["bunqueue", "client"].join("/");
    await assert.rejects(() => import(name), /bunqueue is Bun-only and requires the Bun runtime/);
  });

  it("is said once by the engine, which declares nothing and harms nothing", async () => {
    const notices: string[] = [];
    const engine = bunqueueEngine();
    assert.deepEqual(engine.capabilities, []);
    await engine.attach({
      event() {},
      lost() {},
      notice: (_facts, message) => void notices.push(message),
    });
    assert.equal(notices.length, 1);
    assert.match(notices[0] ?? "", /loads on Bun only/);
    await engine.detach();
  });
});
