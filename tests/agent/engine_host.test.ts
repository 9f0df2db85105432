import { match, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { createCommandPolicy } from "../../src/agent/command_policy.ts";
import { engineHost } from "../../src/agent/engine_host.ts";
import { memoryBuffer } from "../_support/agent_rig.ts";

describe("engineHost()", () => {
  it("asks the policy of this process about orders that came through another", () => {
    const buffer = memoryBuffer();
    const policy = createCommandPolicy({ allow: [], deny: [], readOnly: true });
    const shut = engineHost({ parts: { policy }, buffer }, "bullmq");
    match(shut.forbidden?.("cancel_task", { task_id: "mail:1" }) ?? "", /read-only/);
    const open = engineHost({ parts: {}, buffer }, "bullmq");
    equal(open.forbidden?.("cancel_task", { task_id: "mail:1" }), null);
    equal(open.restart, undefined);
  });
});
