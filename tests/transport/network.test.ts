import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { manualEngine } from "../../src/engines/manual/engine.ts";
import { createAgent } from "../../src/install/create_agent.ts";
import type { AgentOptions } from "../../src/install/options.ts";
import { parseProxy, proxyFromEnv } from "../../src/transport/proxy.ts";
import {
  makeThrowawayCa,
  type OpenBrain,
  type Peer,
  startConnectProxy,
  startOpenBrain,
  startPrefixProxy,
  startStrippingProxy,
  startTlsFront,
  type ThrowawayCa,
} from "../_support/network_peers.ts";
import { until } from "../_support/wait.ts";

describe("proxyFromEnv()", () => {
  const cases: readonly [string, Record<string, string>, string | null][] = [
    ["https://b.example", { HTTPS_PROXY: "http://p:1" }, "http://p:1"],
    [
      "https://b.example",
      { https_proxy: "http://low:1", HTTPS_PROXY: "http://up:1" },
      "http://low:1",
    ],
    ["https://b.example", { HTTP_PROXY: "http://p:1" }, null],
    ["http://b.example", { HTTP_PROXY: "http://p:1" }, "http://p:1"],
    ["http://b.example", { HTTP_PROXY: "http://p:1", REQUEST_METHOD: "GET" }, null],
    ["https://b.example", { ALL_PROXY: "http://p:1" }, "http://p:1"],
    ["https://b.example", { HTTPS_PROXY: " ", ALL_PROXY: "http://p:1" }, "http://p:1"],
    ["https://b.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "*" }, null],
    ["https://b.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "a.example, b.example" }, null],
    ["https://x.b.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: ".b.example" }, null],
    ["https://x.b.example", { HTTPS_PROXY: "http://p:1", no_proxy: "*.B.example" }, null],
    ["https://xb.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "b.example" }, "http://p:1"],
    [
      "https://b.example:8443",
      { HTTPS_PROXY: "http://p:1", NO_PROXY: "b.example:443" },
      "http://p:1",
    ],
    ["https://b.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "b.example:443" }, null],
    ["https://10.1.2.3", { HTTPS_PROXY: "http://p:1", NO_PROXY: "10.0.0.0/8" }, null],
    ["https://11.1.2.3", { HTTPS_PROXY: "http://p:1", NO_PROXY: "10.0.0.0/8" }, "http://p:1"],
    ["https://[fd00::1]:8443", { HTTPS_PROXY: "http://p:1", NO_PROXY: "[fd00::1]:8443" }, null],
    ["https://[fd00::1]", { HTTPS_PROXY: "http://p:1", NO_PROXY: "fd00::1" }, null],
    ["https://localhost:1", { HTTPS_PROXY: "http://p:1" }, null],
    ["http://[::1]:1", { ALL_PROXY: "http://p:1" }, null],
  ];
  for (const [target, env, expected] of cases) {
    it(`answers ${expected} for ${target} when the variables are ${JSON.stringify(env)}`, () => {
      assert.equal(proxyFromEnv(target, env), expected);
    });
  }
});

describe("parseProxy()", () => {
  it("parts the credentials from the address", () => {
    assert.deepEqual(parseProxy("http://us%40er:p%3Ass@proxy.example:3128/"), {
      ok: true,
      value: {
        url: "http://proxy.example:3128",
        credentials: { username: "us@er", password: "p:ss" },
      },
    });
  });

  it("takes an address without a scheme, refuses others, and never repeats it", () => {
    const plain = parseProxy("proxy.example:3128");
    assert.equal(plain.ok && plain.value.url, "http://proxy.example:3128");
    for (const text of ["socks5://canary:1", "http://", "canary space:1"]) {
      const outcome = parseProxy(text);
      assert.ok(!outcome.ok);
      assert.doesNotMatch(outcome.state, /canary/);
    }
  });
});

describe("createAgent() in networks as they are", () => {
  let home: string;
  let brain: OpenBrain;
  let ca: ThrowawayCa;
  const peers: Peer[] = [];
  const using = <P extends Peer>(peer: P): P => {
    peers.push(peer);
    return peer;
  };
  before(() => ca = makeThrowawayCa());
  after(() => ca.remove());
  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), "z4j-net-"));
    brain = using(await startOpenBrain());
  });
  afterEach(async () => {
    for (const peer of peers.splice(0).reverse()) await peer.close();
    rmSync(home, { recursive: true, force: true });
  });

  /** Delivers one event over this network; answers the wire that was used. */
  const delivers = async (
    brainUrl: string,
    options: AgentOptions,
    target: OpenBrain = brain,
    patienceMs = 8000,
  ): Promise<void> => {
    const { token, hmacSecret } = await target.mint(`agent-${crypto.randomUUID()}`);
    const engine = manualEngine();
    const work = engine.task("work", (n: number) => n);
    await using agent = createAgent({
      env: false,
      brainUrl,
      token,
      hmacSecret,
      projectId: "default",
      home,
      engines: [engine],
      logLevel: "error",
      ...options,
    });
    await agent.start();
    await work(1);
    await until("an empty buffer", () => {
      const { events, lastError } = agent.status();
      if (lastError !== null) throw new Error(lastError.advice);
      return events.recorded > 0 && events.acked >= events.recorded;
    }, patienceMs);
    await agent.stop({ timeoutMs: 500 });
  };
  const fails = (brainUrl: string, options: AgentOptions, why?: RegExp): Promise<void> => {
    const attempt = delivers(brainUrl, options, brain, 1000);
    return assert.rejects(attempt, why ?? /not within/);
  };
  const tasks = (of: OpenBrain = brain): number =>
    of.brain.reader.tasks(of.brain.project.id, { limit: 10 }).items.length;

  for (const transport of ["ws", "longpoll"] as const) {
    describe(`over ${transport}`, () => {
      it("trusts a private CA given as text or as a path, and nobody without it", async () => {
        const front = using(await startTlsFront(brain.port, ca));
        const url = `https://localhost:${front.port}`;
        await delivers(url, { transport, ca: ca.ca });
        await delivers(url, { transport, ca: ca.caPath });
        assert.equal(tasks(), 2);
        await fails(url, { transport });
      });

      it("goes through a CONNECT proxy, with and without credentials", async () => {
        const front = using(await startTlsFront(brain.port, ca));
        const url = `https://localhost:${front.port}`;
        const open = using(await startConnectProxy());
        await delivers(url, { transport, ca: ca.ca, proxy: `http://127.0.0.1:${open.port}` });
        assert.ok(open.tunnels.length > 0);
        assert.equal(open.tunnels[0], `localhost:${front.port}`);
        const closed = using(await startConnectProxy("user:pa ss"));
        const address = `127.0.0.1:${closed.port}`;
        await delivers(url, { transport, ca: ca.ca, proxy: `http://user:pa%20ss@${address}` });
        assert.ok(closed.tunnels.length > 0);
        assert.deepEqual(closed.refusals, []);
        await fails(url, { transport, ca: ca.ca, proxy: `http://${address}` });
        assert.ok(closed.refusals.length > 0);
      });

      it("reaches an IPv6 literal", async () => {
        const other = using(await startOpenBrain("::1"));
        await delivers(`http://[::1]:${other.port}`, { transport }, other);
        assert.equal(tasks(other), 1);
      });

      it("keeps the base path behind a proxy that strips it", async () => {
        const proxy = using(await startPrefixProxy(brain.port, "/tools/z4j"));
        await delivers(`http://127.0.0.1:${proxy.port}/tools/z4j/`, { transport });
        assert.equal(tasks(), 1);
      });
    });
  }

  it("delivers over HTTP when a proxy strips the upgrade and the transport is auto", async () => {
    const proxy = using(await startStrippingProxy(brain.port));
    const brainUrl = `http://127.0.0.1:${proxy.port}`;
    await delivers(brainUrl, { transport: "auto" });
    assert.equal(tasks(), 1);
    await fails(brainUrl, { transport: "ws" }, /426/);
  });

  it("takes the proxy of the environment, unless NO_PROXY names the brain", async () => {
    const proxy = using(await startConnectProxy());
    const { token, hmacSecret } = await brain.mint("by-env");
    // A name that only the proxy could resolve: reaching it proves the way.
    const host = "brain.z4j.invalid";
    const front = using(await startTlsFront(brain.port, ca));
    const agent = createAgent({
      env: {
        Z4J_BRAIN_URL: `https://${host}:${front.port}`,
        Z4J_TOKEN: token,
        Z4J_HMAC_SECRET: hmacSecret,
        Z4J_PROJECT_ID: "default",
        Z4J_LOG_LEVEL: "error",
        HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
        Z4J_CA: ca.caPath,
      },
      home,
    });
    await agent.start();
    // The certificate is for localhost, so the tunnel opens and TLS ends it.
    await until("a tunnel", () => proxy.tunnels.includes(`${host}:${front.port}`));
    await agent.stop({ timeoutMs: 100 });
  });
});
