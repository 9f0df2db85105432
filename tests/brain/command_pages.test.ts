import { match, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { deadLettersPage } from "../../src/brain/ui/dead_letters_page.ts";
import { queuePage, queuePath } from "../../src/brain/ui/queue_page.ts";
import { workerPage } from "../../src/brain/ui/worker_page.ts";
import { workerRow } from "../_support/fake_core.ts";

const EVIL = `"><script>alert(1)</script>'`;
const all = (): boolean => true;

describe("pages of commands", () => {
  it("keep hostile names inert, in texts and in attributes", () => {
    const queue = {
      engine: EVIL,
      name: EVIL,
      pendingCount: 2,
      depthAtMs: 1,
      lastSeenAtMs: 1,
    };
    const letter = {
      task_id: EVIL,
      task_name: EVIL,
      queue: EVIL,
      failed_at: EVIL,
      error_excerpt: EVIL,
      attempts: EVIL,
    };
    const pages = [
      queuePage(queue, all, 2),
      workerPage(workerRow({ name: EVIL, engine: EVIL, queues: [EVIL] }), all, 2),
      deadLettersPage({
        engine: EVIL,
        queue: EVIL,
        answer: { entries: [letter, EVIL], next_cursor: EVIL, total: 1 },
        canRequeue: true,
        nowMs: 2,
      }),
    ];
    for (const { text } of pages) {
      equal(text.includes("<script"), false);
      equal(/="[^"]*"><script/.test(text), false);
      match(text, /&lt;script&gt;/);
    }
    equal(queuePath(EVIL, EVIL).includes('"'), false);
  });

  it("offer only what an agent can do", () => {
    const queue = { engine: "e", name: "q", pendingCount: 1, depthAtMs: null, lastSeenAtMs: 1 };
    const none = queuePage(queue, () => false, 2).text;
    equal(none.includes("<form"), false);
    match(none, /No online agent/);
    const some = queuePage(queue, (token) => token === "purge_queue", 2).text;
    equal((some.match(/<form/g) ?? []).length, 1);
    equal(workerPage(workerRow({}), () => false, 2).text.includes("<form"), false);
  });
});
