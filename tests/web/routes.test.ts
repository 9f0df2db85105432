import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { Hono } from "hono";
import type { Agent } from "../../src/agent/agent_types.ts";
import { prometheusText } from "../../src/agent/prometheus.ts";
import type { FakeBrain } from "../../src/testing/fake_brain.ts";
import { isLocalRequest, peerAddress, type RoutesOptions, z4jRoutes } from "../../src/web/hono.ts";
import { createRigAgent, startTestBrain, until } from "../_support/agent_rig.ts";

let agent: Agent | undefined;
let brain: FakeBrain | undefined;

afterEach(async () => {
  await agent?.stop({ timeoutMs: 200 });
  await brain?.close();
});

async function connected(options?: RoutesOptions): Promise<Hono> {
  brain = await startTestBrain();
  agent = createRigAgent(brain.url);
  const app = new Hono();
  app.get("/_z4j/*", z4jRoutes(agent, options));
  return app;
}

const open: RoutesOptions = { allow: () => true };

describe("z4jRoutes()", () => {
  it("answers live, ready and status", async () => {
    const app = await connected(open);
    assert.equal((await app.request("/_z4j/live")).status, 200);
    const before = await app.request("/_z4j/ready");
    assert.equal(before.status, 503);
    assert.deepEqual(await before.json(), { status: "not ready", state: "stopped" });
    await agent?.start();
    await agent?.ready({ timeoutMs: 20_000 });
    assert.equal((await app.request("/_z4j/ready")).status, 200);
    const status = await app.request("/_z4j/status");
    assert.equal(status.headers.get("cache-control"), "no-store");
    assert.equal((await status.json() as { state: string }).state, "connected");
    assert.equal((await app.request("/_z4j/nothing")).status, 404);
    assert.equal((await app.request("/_z4j/live", { method: "POST" })).status, 404);
  });

  it("prints metrics that Prometheus can read", async () => {
    const app = await connected(open);
    await agent?.start();
    await agent?.ready({ timeoutMs: 20_000 });
    const data = { taskName: "x" };
    for (let n = 0; n < 3; n++) {
      agent?.record("own", { kind: "task.sent", taskId: `${n}`, occurredAtMs: Date.now(), data });
    }
    await brain?.command("unheard_of");
    await brain?.command('bad "\\\n action');
    await until("acks and answers", () => {
      const status = agent?.status();
      return status?.events.acked === 3 && status.commands.failed === 2;
    }, 20_000);
    const response = await app.request("/_z4j/metrics");
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const samples = parse(await response.text());
    const value = (name: string): number | undefined => samples.get(`z4j_agent_${name}`);
    assert.equal(value("up"), 1);
    assert.equal(value("connected"), 1);
    assert.equal(value('state{state="connected"}'), 1);
    assert.equal(value("events_recorded_total"), 3);
    assert.equal(value("events_acked_total"), 3);
    assert.equal(value("buffer_events"), 0);
    assert.equal(value("reconnects_total"), 0);
    assert.equal(value('commands_total{action="other",status="failed"}'), 2);
    assert.ok((value("acks_total") ?? 0) >= 2);
    assert.equal(value("ack_latency_seconds_count"), value("acks_total"));
    assert.equal(value("command_duration_seconds_count"), 2);
    assert.ok((value("event_to_ack_seconds_count") ?? 0) >= 1);
    assert.equal(
      value('event_to_ack_seconds_bucket{le="+Inf"}'),
      value("event_to_ack_seconds_count"),
    );
  });

  it("escapes what a label may not hold", () => {
    agent = createRigAgent("http://127.0.0.1:9");
    const status = { ...agent.status(), lost: { 'a\\b"c\nd': 2 } };
    const text = prometheusText({ status, metrics: agent.metrics() });
    const source = 'source="a\\\\b\\"c\\nd"';
    const name = `z4j_agent_events_lost_total{${source},reason="before_buffer",kind=""}`;
    assert.equal(parse(text).get(name), 2);
  });

  it("is closed unless the request comes from this machine", async () => {
    const app = await connected();
    const local = { remoteAddr: { hostname: "127.0.0.1" } };
    const ask = async (
      env: object | undefined,
      headers: Record<string, string> = {},
      url = "http://localhost/_z4j/live",
    ): Promise<number> => (await app.request(url, { headers }, env)).status;
    assert.equal(await ask(undefined), 403);
    assert.equal(await ask({}), 403);
    assert.equal(await ask({ remoteAddr: { hostname: "10.0.0.1" } }), 403);
    assert.equal(await ask({ remoteAddr: { hostname: "127.0.0.1.evil.test" } }), 403);
    assert.equal(await ask(local), 200);
    assert.equal(await ask({ remoteAddr: { hostname: "::1" } }), 200);
    assert.equal(await ask({ incoming: { socket: { remoteAddress: "::ffff:127.0.0.1" } } }), 200);
    assert.equal(await ask({ requestIP: () => ({ address: "::1" }) }), 200);
    assert.equal(await ask({ server: { requestIP: () => ({ address: "8.8.8.8" }) } }), 403);
    assert.equal(await ask({ requestIP: () => null }), 403);
    for (const name of ["x-forwarded-for", "forwarded", "x-real-ip", "via"]) {
      assert.equal(await ask(local, { [name]: "127.0.0.1" }), 403, name);
    }
    assert.equal(await ask(local, {}, "http://rebound.evil.test/_z4j/live"), 403);
    const denied = await app.request("/_z4j/nothing");
    assert.equal(denied.status, 403);
  });

  it("leaves the decision to allow(), by page, and takes any failure for a no", async () => {
    const answers = async (allow: NonNullable<RoutesOptions["allow"]>): Promise<number[]> => {
      const app = await connected({ allow });
      const pages = ["live", "ready", "metrics"];
      const all = await Promise.all(pages.map((page) => app.request(`/_z4j/${page}`)));
      await brain?.close();
      return all.map(({ status }) => status);
    };
    assert.deepEqual(await answers((_c, page) => page === "live"), [200, 403, 403]);
    assert.deepEqual(await answers(() => Promise.reject(new Error("no"))), [403, 403, 403]);
    assert.deepEqual(
      await answers(() => {
        throw new Error("no");
      }),
      [403, 403, 403],
    );
    assert.deepEqual(await answers(() => "yes" as unknown as boolean), [403, 403, 403]);
  });

  it("knows the peer of a real server of this runtime", async () => {
    const app = new Hono();
    app.get("/", (c) => c.json({ address: peerAddress(c), local: isLocalRequest(c) }));
    const { url, close } = await serve(app);
    try {
      const seen = await (await fetch(url)).json() as { address: string; local: boolean };
      assert.match(seen.address, /127\.0\.0\.1$/);
      assert.equal(seen.local, true);
    } finally {
      await close();
    }
  });
});

interface Served {
  readonly url: string;
  close(): Promise<unknown>;
}

interface Runtimes {
  readonly Deno?: {
    serve(
      options: object,
      fetch: unknown,
    ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
  };
  readonly Bun?: {
    serve(options: object): { readonly port: number; stop(force: boolean): Promise<void> };
  };
}

/** Serves an app as its users do, so that `c.env` is what they have. */
async function serve(app: Hono): Promise<Served> {
  const { Deno, Bun } = globalThis as unknown as Runtimes;
  const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
  if (Deno !== undefined) {
    const server = Deno.serve(options, app.fetch);
    return { url: `http://127.0.0.1:${server.addr.port}/`, close: () => server.shutdown() };
  }
  if (Bun !== undefined) {
    const server = Bun.serve({ ...options, fetch: app.fetch });
    return { url: `http://127.0.0.1:${server.port}/`, close: () => server.stop(true) };
  }
  const { createServer } = await import("node:http");
  const server = createServer((incoming, outgoing) => {
    const request = new Request(`http://${incoming.headers.host}${incoming.url}`);
    void Promise.resolve(app.fetch(request, { incoming })).then(async (response) => {
      outgoing.end(await response.text());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** Samples of a page by name and labels; fails on anything that breaks the format. */
function parse(text: string): Map<string, number> {
  assert.ok(text.endsWith("\n"));
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of text.trimEnd().split("\n")) {
    const meta = /^# (HELP|TYPE) (z4j_agent_[a-z0-9_]+) (.+)$/.exec(line);
    if (meta !== null) {
      if (meta[1] === "TYPE") types.set(meta[2] ?? "", meta[3] ?? "");
      continue;
    }
    const label = '[a-z_]+="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
    const form = new RegExp(`^(z4j_agent_[a-z0-9_]+)(\\{${label}(?:,${label})*\\})? (\\S+)$`);
    const found = form.exec(line);
    assert.ok(found, `not a sample: ${line}`);
    const [, name = "", labels = "", value] = found;
    const family = name.replace(/_(bucket|sum|count)$/, "");
    assert.ok(types.has(name) || types.get(family) === "histogram", `no TYPE for ${name}`);
    assert.ok(!samples.has(name + labels), `twice: ${name}${labels}`);
    assert.ok(Number.isFinite(Number(value)), line);
    samples.set(name + labels, Number(value));
  }
  return samples;
}
