import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Hono } from "hono";
import { type HonoAgent, z4j, type Z4jVariables } from "../../src/web/hono.ts";

interface Probe extends HonoAgent {
  starts: number;
  framework: string;
}

function probe(state: string, autostart = true): Probe {
  return {
    autostart,
    starts: 0,
    framework: "",
    status: () => ({ state }),
    start() {
      this.starts += 1;
      return Promise.resolve();
    },
    nameFramework(name) {
      this.framework = name;
    },
  };
}

describe("z4j()", () => {
  it("starts the agent once, before any request, and names the framework", async () => {
    const agent = probe("connected");
    const app = new Hono();
    app.use(z4j(agent));
    app.get("/", (c) => c.text("here"));
    assert.equal(agent.starts, 1);
    assert.equal(agent.framework, "hono");
    for (let n = 0; n < 3; n++) await app.request("/");
    assert.equal(agent.starts, 1);
  });

  it("leaves an agent alone whose autostart is off", () => {
    const agent = probe("stopped", false);
    new Hono().use(z4j(agent));
    assert.equal(agent.starts, 0);
  });

  it("puts the agent on the context", async () => {
    const agent = probe("connected");
    const app = new Hono<{ Variables: Z4jVariables<Probe> }>();
    app.use(z4j(agent));
    app.get("/", (c) => c.text(c.var.z4j.status().state));
    assert.equal(await (await app.request("/")).text(), "connected");
  });

  it("answers the health path with the status: 200 while it runs, 503 otherwise", async () => {
    for (
      const [state, status] of [["connected", 200], ["waiting", 200], ["stopped", 503]] as const
    ) {
      const app = new Hono();
      app.use(z4j(probe(state), { healthPath: "/healthz" }));
      const response = await app.request("/healthz");
      assert.equal(response.status, status);
      assert.deepEqual(await response.json(), { state });
    }
  });

  it("answers no health path unless asked to, and only to GET", async () => {
    const closed = new Hono();
    closed.use(z4j(probe("connected")));
    assert.equal((await closed.request("/healthz")).status, 404);
    const open = new Hono();
    open.use(z4j(probe("connected"), { healthPath: "/healthz" }));
    assert.equal((await open.request("/healthz", { method: "POST" })).status, 404);
  });

  it("never throws into the app when the agent cannot start", async () => {
    const agent = { ...probe("stopped"), start: () => Promise.reject(new Error("no disk")) };
    const app = new Hono();
    app.use(z4j(agent));
    app.get("/", (c) => c.text("fine"));
    assert.equal(await (await app.request("/")).text(), "fine");
  });

  it("leaves the answers and errors of other handlers as they are", async () => {
    const app = new Hono();
    app.use(z4j(probe("connected")));
    app.get("/boom", () => {
      throw new Error("boom");
    });
    app.onError((error, c) => c.text(error.message, 500));
    const response = await app.request("/boom");
    assert.equal(response.status, 500);
    assert.equal(await response.text(), "boom");
  });
});
