import { deepStrictEqual as deepEqual, ok, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { depthOf } from "../../src/engines/bullmq/health.ts";
import type { BullJobLike } from "../../src/engines/bullmq/like.ts";
import {
  arrivalEvents,
  failureEvents,
  type Sight,
  startedEvents,
  succeededEvents,
} from "../../src/engines/bullmq/mapping.ts";
import { dataOf, inputOf, jobIdForKey } from "../../src/engines/bullmq/payload.ts";
import { BULLMQ } from "../../src/engines/bullmq/profile.ts";
import { stateOf } from "../../src/engines/bullmq/reconcile.ts";
import { createRecent } from "../../src/engines/bullmq/recent.ts";
import { flowTaskId, parentPlace } from "../../src/engines/bullmq/flow.ts";
import { placeOf } from "../../src/engines/bullmq/task_id.ts";
import { nameWorkers } from "../../src/engines/bullmq/worker_name.ts";

const SIGHT: Sight = { profile: BULLMQ, queue: "mail", worker: "w1", nowMs: 1_795_474_800_000 };

// The shape of bullmq 6.7 at the `failed` event of a last attempt.
const FAILED: BullJobLike = {
  id: "7",
  name: "send",
  data: { to: "x" },
  opts: { attempts: 2, delay: 0 },
  timestamp: 1_795_474_705_196,
  processedOn: 1_795_474_705_252,
  finishedOn: 1_795_474_705_300,
  attemptsMade: 2,
  attemptsStarted: 2,
  failedReason: "boom",
  stacktrace: ["Error: first\n    at a", "RangeError: boom\n    at b"],
};

describe("arrivalEvents()", () => {
  it("gives sent and received at the time of creation", () => {
    const events = arrivalEvents({ ...FAILED, attemptsMade: 0 }, SIGHT);
    deepEqual(events.map(({ kind }) => kind), ["task.sent", "task.received"]);
    for (const event of events) {
      equal(event.taskId, "mail:7");
      equal(event.occurredAtMs, 1_795_474_705_196);
      deepEqual(event.data.kwargs, { to: "x" });
      deepEqual(event.data.args, []);
    }
  });

  it("is the same whoever reports it", () => {
    const producer = { ...SIGHT, nowMs: 1 };
    deepEqual(arrivalEvents(FAILED, producer), arrivalEvents(FAILED, SIGHT));
  });

  it("tells when a delayed job is due", () => {
    const job = { ...FAILED, attemptsMade: 0, opts: { delay: 60_000 } };
    equal(arrivalEvents(job, SIGHT)[1]?.data.eta, new Date(job.timestamp + 60_000).toISOString());
  });

  it("calls a nameless job like its queue", () => {
    for (const name of ["__default__", ""]) {
      equal(arrivalEvents({ ...FAILED, name }, SIGHT)[0]?.data.taskName, "mail");
    }
  });

  it("takes damaged jobs without throwing", () => {
    const damaged: unknown[] = [
      { id: "1" },
      { id: "1", name: 5, opts: "x", timestamp: "soon", data: undefined },
      { id: "1", timestamp: Number.NaN, opts: null, parent: 3, parentKey: 9 },
    ];
    for (const job of damaged) {
      const [, received] = arrivalEvents(job as BullJobLike, SIGHT);
      equal(received?.occurredAtMs, SIGHT.nowMs);
      equal(received?.data.taskName, "mail");
    }
    deepEqual(arrivalEvents({ ...FAILED, id: undefined }, SIGHT), []);
  });

  it("hands on ten megabytes by reference", () => {
    const data = { text: "x".repeat(10_000_000) };
    equal(arrivalEvents({ ...FAILED, data }, SIGHT)[1]?.data.kwargs, data);
  });
});

describe("startedEvents()", () => {
  it("counts attempts from one, whatever attemptsStarted says", () => {
    const begun = { ...FAILED, attemptsMade: 1, finishedOn: undefined };
    const { attemptsStarted: _none, ...old } = begun;
    for (const job of [begun, old, { ...begun, attemptsStarted: 9 }]) {
      const [event] = startedEvents(job, SIGHT);
      deepEqual([event?.data.attempt, event?.data.retryCount], [2, 1]);
      equal(event?.occurredAtMs, FAILED.processedOn);
    }
    equal(startedEvents({ ...old, attemptsMade: 0 }, SIGHT)[0]?.data.attempt, 1);
  });
});

describe("succeededEvents()", () => {
  it("takes result and run time from the job", () => {
    const [event] = succeededEvents({ ...FAILED, returnvalue: 5 }, undefined, SIGHT);
    equal(event?.data.result, 5);
    equal(event?.data.runtimeMs, 48);
    equal(event?.occurredAtMs, FAILED.finishedOn);
  });
});

describe("failureEvents()", () => {
  it("gives failed with the class of the stack when the job is over", () => {
    const [event] = failureEvents(FAILED, undefined, SIGHT);
    equal(event?.kind, "task.failed");
    equal(event?.data.exception, "RangeError: boom");
    equal(event?.data.traceback, "RangeError: boom\n    at b");
    equal(event?.data.retryCount, 1);
    equal(event?.data.maxAttempts, 2);
  });

  it("gives retried with the next time while attempts are left", () => {
    const job = {
      ...FAILED,
      finishedOn: undefined,
      attemptsMade: 1,
      attemptsStarted: 1,
      delay: 50,
    };
    const [event] = failureEvents(job, new TypeError("boom"), SIGHT);
    equal(event?.kind, "task.retried");
    equal(event?.data.exception, "TypeError: boom");
    equal(event?.data.retryCount, 1);
    equal(event?.data.eta, new Date(SIGHT.nowMs + 50).toISOString());
  });

  it("names own error classes and survives thrown non-errors", () => {
    class Declined extends Error {}
    const bare = { ...FAILED, failedReason: undefined, stacktrace: null };
    equal(failureEvents(bare, new Declined("no"), SIGHT)[0]?.data.exception, "Declined: no");
    for (const thrown of [undefined, null, 5, "text", {}, Object.create(null)]) {
      ok(failureEvents(bare, thrown, SIGHT)[0]?.data.exception?.startsWith("Error"));
    }
  });
});

describe("inputOf() and dataOf()", () => {
  it("map a plain object to named inputs and all else to one argument", () => {
    deepEqual(inputOf({ a: 1 }), { args: [], kwargs: { a: 1 } });
    for (const data of [[1, 2], 5, "x", null, new Date(0)]) {
      deepEqual(inputOf(data), { args: [data], kwargs: {} });
    }
    deepEqual(inputOf(undefined), { args: [], kwargs: {} });
  });

  it("refuse what one value cannot hold", () => {
    deepEqual(dataOf([], { a: 1 }), { data: { a: 1 } });
    deepEqual(dataOf([[1]], {}), { data: [1] });
    deepEqual(dataOf([null], {}), { data: null });
    ok("refused" in dataOf([1, 2], {}));
    ok("refused" in dataOf([1], { a: 1 }));
  });
});

describe("jobIdForKey()", () => {
  it("keeps different keys apart without colons", () => {
    const keys = ["a:b", "a_b", "a~3Ab", "a%3Ab", "7", "", "\ud800", "fire:1/2"];
    const ids = keys.map(jobIdForKey);
    equal(new Set(ids).size, keys.length);
    for (const id of ids) ok(id.startsWith("z4j-") && !id.includes(":"), id);
  });
});

describe("parentPlace()", () => {
  it("reads every known form", () => {
    const parentTaskId = (job: unknown): string | undefined => {
      const place = parentPlace(job);
      return place && flowTaskId(place);
    };
    equal(parentTaskId({ parent: { id: "3", queueKey: "mail" } }), "mail:3");
    equal(parentTaskId({ parent: { id: "3", queueKey: "a:b:mail" } }), "mail:3");
    equal(parentTaskId({ parent: { id: "3", queueQualifiedName: "bull:mail" } }), "mail:3");
    equal(parentTaskId({ parentKey: "bull:mail:repeat:x:1" }), "mail:repeat:x:1");
    equal(parentTaskId({ parentKey: "p:q:mail:1", prefix: "p:q" }), "mail:1");
    equal(parentTaskId({ parentKey: "other:mail:1" }), undefined);
    equal(parentTaskId({}), undefined);
  });
});

describe("placeOf()", () => {
  it("splits at the first colon", () => {
    deepEqual(placeOf("mail:repeat:x:1"), { queue: "mail", jobId: "repeat:x:1" });
    for (const bad of ["", "mail", ":1", "mail:"]) equal(placeOf(bad), undefined);
  });
});

describe("stateOf()", () => {
  it("translates every state of BullMQ and leaves others unknown", () => {
    const states = ["wait", "waiting", "paused", "prioritized", "delayed", "waiting-children"];
    for (const state of states) equal(stateOf(BULLMQ, FAILED, state).state, "pending");
    equal(stateOf(BULLMQ, FAILED, "active").state, "started");
    equal(stateOf(BULLMQ, FAILED, "completed").finishedAtMs, FAILED.finishedOn);
    equal(stateOf(BULLMQ, FAILED, "failed").exception, "RangeError: boom");
    for (const state of ["unknown", "constructor", ""]) {
      equal(stateOf(BULLMQ, FAILED, state).state, "unknown");
    }
    equal(stateOf(BULLMQ, undefined, "failed").exception, undefined);
  });
});

describe("depthOf()", () => {
  it("adds what waits and nothing else", () => {
    const counts = { waiting: 1, prioritized: 2, delayed: 4, paused: 8, active: 100, failed: 100 };
    equal(depthOf(counts), 15);
    equal(depthOf({ waiting: "many" }), 0);
    equal(depthOf(undefined), 0);
  });
});

describe("createRecent()", () => {
  it("keeps the newest keys and forgets older generations", () => {
    const recent = createRecent(2);
    deepEqual(["a", "b", "a", "c", "b"].map((key) => recent.add(key)), [
      true,
      true,
      false,
      true,
      false,
    ]);
    deepEqual(["d", "e", "a", "d"].map((key) => recent.add(key)), [true, true, true, false]);
  });
});

describe("nameWorkers()", () => {
  it("gives distinct names that redaction leaves alone", () => {
    const worker = (name: string, own?: string) => ({
      name,
      opts: { name: own },
      on() {},
      off() {},
    });
    const workers = [worker("mail", "ops@host x"), worker("mail", "ops@host x"), worker("mail")];
    const names = [...nameWorkers(workers, undefined).values()];
    equal(names[0], "ops-host-x");
    equal(names[1], "ops-host-x-2");
    ok(/^mail-[0-9a-f]{6}$/.test(names[2] ?? ""));
    const plain = [worker("mail"), worker("mail"), worker("news")];
    const stable = ["mail-12", "mail-12-2", "news-12"];
    deepEqual([...nameWorkers(plain, undefined, 12).values()], stable);
    deepEqual([...nameWorkers(workers.slice(0, 1), "host:12").values()], ["host:12"]);
  });
});
