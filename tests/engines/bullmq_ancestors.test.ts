import { deepStrictEqual as deepEqual, rejects, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { type Ancestors, createAncestors } from "../../src/engines/bullmq/ancestors.ts";
import { createExpiring } from "../../src/engines/bullmq/expiring.ts";
import { type FlowPlace, flowTaskId } from "../../src/engines/bullmq/flow.ts";
import { createParentReader } from "../../src/engines/bullmq/flow_reader.ts";
import {
  EDGE_TTL_MS,
  MAX_FLOW_LEVELS,
  MAX_OPEN_READS,
  WALK_DEADLINE_MS,
} from "../../src/engines/bullmq/limits.ts";
import { createOutlet } from "../../src/engines/bullmq/outlet.ts";
import type { EngineEvent, TaskEvent } from "../../src/engines/contract.ts";
import { createFakeClock } from "../_support/fake_clock.ts";

describe("createAncestors()", () => {
  it("reads every parent once, also when many ask at the same time", async () => {
    const { ancestors, reads } = open({ "q:leaf": "q:mid", "q:mid": "q:root" });
    await Promise.all(["leaf", "mid", "leaf"].map((id) => ancestors.walk(at(id))));
    equal(ancestors.highest(at("leaf")), "q:root");
    equal(ancestors.highest(at("mid")), "q:root");
    equal(ancestors.needsWalk(at("leaf")), false);
    deepEqual(reads.toSorted(), ["q:leaf", "q:mid", "q:root"]);
  });

  it("ends in a cycle and at the deepest level", async () => {
    const circle = open({ "q:a": "q:b", "q:b": "q:c", "q:c": "q:a" });
    await circle.ancestors.walk(at("a"));
    equal(circle.ancestors.needsWalk(at("a")), false);
    equal(circle.ancestors.highest(at("a")), "q:c");
    const self = open({ "q:a": "q:a" });
    await self.ancestors.walk(at("a"));
    equal(self.ancestors.highest(at("a")), "q:a");
    const tower = open(Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`q:${i}`, `q:${i + 1}`]),
    ));
    await tower.ancestors.walk(at("0"));
    equal(tower.ancestors.highest(at("0")), `q:${MAX_FLOW_LEVELS - 1}`);
    equal(tower.ancestors.needsWalk(at("0")), false);
    equal(tower.reads.length, MAX_FLOW_LEVELS - 1);
  });

  it("gives up at the deadline, shares the open read and keeps its late answer", async () => {
    const clock = createFakeClock();
    const answer = Promise.withResolvers<FlowPlace | undefined>();
    let reads = 0;
    const ancestors = createAncestors(() => {
      reads++;
      return answer.promise;
    }, clock);
    for (let round = 0; round < 3; round++) {
      const walk = ancestors.walk(at("leaf"));
      await clock.advanceAsync(WALK_DEADLINE_MS);
      await walk;
      equal(ancestors.highest(at("leaf")), "q:leaf");
    }
    equal(reads, 1);
    answer.resolve(at("top"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    equal(ancestors.highest(at("leaf")), "q:top");
    equal(reads, 1, "a walk that is over asks no further question");
  });

  it("begins no further reads while too many have no answer", async () => {
    const clock = createFakeClock();
    const ancestors = createAncestors(() => new Promise(() => {}), clock);
    const walks = Array.from({ length: MAX_OPEN_READS }, (_, i) => ancestors.walk(at(`p${i}`)));
    equal(ancestors.needsWalk(at("p0")), true, "the read of this one may still end");
    equal(ancestors.needsWalk(at("other")), false);
    await ancestors.walk(at("other"));
    await clock.advanceAsync(WALK_DEADLINE_MS);
    await Promise.all(walks);
  });

  it("asks again after a failure", async () => {
    let fails = true;
    const ancestors = createAncestors(
      () => fails ? Promise.reject(new Error("away")) : Promise.resolve(undefined),
      createFakeClock(),
    );
    await ancestors.walk(at("x"));
    equal(ancestors.needsWalk(at("x")), true);
    equal(ancestors.highest(at("x")), "q:x");
    fails = false;
    await ancestors.walk(at("x"));
    equal(ancestors.needsWalk(at("x")), false);
  });
});

describe("createExpiring()", () => {
  it("forgets by age and by use", async () => {
    const clock = createFakeClock();
    const memory = createExpiring<number>(2, EDGE_TTL_MS, clock);
    memory.set("a", 1);
    memory.set("b", 2);
    equal(memory.get("a"), 1);
    memory.set("c", 3);
    deepEqual(["a", "b", "c"].map((key) => memory.get(key)), [1, undefined, 3]);
    await clock.advanceAsync(EDGE_TTL_MS - 1);
    equal(memory.get("a"), 1);
    await clock.advanceAsync(1);
    equal(memory.get("a"), undefined);
  });
});

describe("createParentReader()", () => {
  const place: FlowPlace = { queueKey: "a:b:mail", jobId: "7" };
  const parent = JSON.stringify({ id: "3", queueKey: "a:b:news" });
  const client = Promise.resolve({
    hget: (key: string, field: string) =>
      Promise.resolve(key === "a:b:mail:7" && field === "parent" ? parent : null),
  });
  const getJobData = (id: string) =>
    Promise.resolve(id === "7" ? { parent: JSON.parse(parent) } : undefined);
  const sibling = {
    forQueue: (...asked: string[]) => asked.join() === "mail,a:b" && { getJobData },
  };
  const queue = (job: unknown) =>
    ({ name: "mail", getJob: () => Promise.resolve(job) }) as unknown as Parameters<
      typeof createParentReader
    >[1][number];

  it("reads through version 5, version 6, another backend and attached queues", async () => {
    const ways: [unknown, ReturnType<typeof queue>[]][] = [
      [{ client }, []],
      [{ getBackend: () => ({ client }) }, []],
      [{ getBackend: () => sibling }, []],
      [{}, [queue({ parent: { id: "3", queueQualifiedName: "a:b:news" } })]],
    ];
    for (const [owner, queues] of ways) {
      const read = createParentReader(owner, queues);
      deepEqual(await read(place), { queueKey: "a:b:news", jobId: "3" });
    }
  });

  it("finds no parent of jobs that have none or are gone", async () => {
    const other: FlowPlace = { queueKey: "a:b:mail", jobId: "8" };
    equal(await createParentReader({ client }, [])(other), undefined);
    equal(await createParentReader({ getBackend: () => sibling }, [])(other), undefined);
    equal(await createParentReader({}, [queue(null)])(other), undefined);
  });

  it("rejects when there is no way, the client fails or the field is damaged", async () => {
    const broken = { client: Promise.resolve({ hget: () => Promise.resolve("{") }) };
    const away = { client: Promise.reject(new Error("away")) };
    const throwing = {
      getBackend() {
        throw new Error("closed");
      },
    };
    for (const owner of [{}, broken, away, throwing]) {
      await rejects(createParentReader(owner, [])(place));
    }
  });
});

describe("createOutlet()", () => {
  it("holds the events of one job only, in their order", async () => {
    const { outlet, seen } = openOutlet();
    const ready = Promise.withResolvers<void>();
    outlet.hold("q:1", ready.promise, () => [event("q:1", "task.received")]);
    outlet.send([event("q:1", "task.started"), event("q:2", "task.started")]);
    outlet.send([event("q:1", "task.succeeded")]);
    deepEqual(seen, ["q:2 task.started"]);
    ready.resolve();
    await ready.promise;
    outlet.send([event("q:1", "task.started")]);
    deepEqual(seen.slice(1), [
      "q:1 task.received",
      "q:1 task.started",
      "q:1 task.succeeded",
      "q:1 task.started",
    ]);
  });

  it("close() gives on what waits and nothing afterwards", async () => {
    const { outlet, seen } = openOutlet();
    const ready = Promise.withResolvers<void>();
    outlet.hold("q:1", ready.promise, () => [event("q:1", "task.received")]);
    outlet.send([event("q:1", "task.started")]);
    outlet.close();
    deepEqual(seen, ["q:1 task.received", "q:1 task.started"]);
    ready.resolve();
    await ready.promise;
    outlet.send([event("q:2", "task.started")]);
    outlet.close();
    equal(seen.length, 2);
  });

  it("counts every event that the sink does not take", () => {
    const lost: string[] = [];
    const outlet = createOutlet({
      event() {
        throw new Error("full");
      },
      lost: (count, reason) => void lost.push(`${count} ${reason}`),
      notice() {},
    });
    outlet.send([event("q:1", "task.sent"), event("q:1", "task.received")]);
    deepEqual(lost, ["1 a report failed: full", "1 a report failed: full"]);
  });
});

function at(jobId: string): FlowPlace {
  return { queueKey: "q", jobId };
}

function open(parents: Readonly<Record<string, string>>): {
  readonly ancestors: Ancestors;
  readonly reads: readonly string[];
} {
  const reads: string[] = [];
  const ancestors = createAncestors((place) => {
    const key = flowTaskId(place);
    reads.push(key);
    const parent = parents[key];
    return Promise.resolve(parent === undefined ? undefined : at(parent.slice(2)));
  }, createFakeClock());
  return { ancestors, reads };
}

function openOutlet() {
  const seen: string[] = [];
  const outlet = createOutlet({
    event: (each: EngineEvent) =>
      void seen.push("taskId" in each ? `${each.taskId} ${each.kind}` : each.kind),
    lost() {},
    notice() {},
  });
  return { outlet, seen };
}

function event(taskId: string, kind: TaskEvent["kind"]): TaskEvent {
  return { kind, taskId, occurredAtMs: 1, data: {} };
}
