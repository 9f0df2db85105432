import assert from "node:assert/strict";
import { inspect } from "node:util";
import { after, describe, it } from "node:test";
import { createMask, maskJson } from "../../src/doctor/mask.ts";
import { renderJson, renderText } from "../../src/doctor/render.ts";
import { runDoctor } from "../../src/doctor/run.ts";
import { manualEngine } from "../../src/engines/manual/engine.ts";
import { scratch } from "../_support/doctor_bed.ts";
import { startWebServer } from "../_support/doctor_peers.ts";

const TOKEN = "canary-token-4eZw51ZIVVUrU0d0GksjA_BHAGRwQM";
const SECRET = "Y2FuYXJ5LXNlY3JldC1vZi0zMi1ieXRlcy1vci1tb3JlLWhlcmU=";
const PROXY = "http://canary-user:canary-pass%21@127.0.0.1:9";
const ALL = [TOKEN, SECRET, "canary-user", "canary-pass", encodeURIComponent(SECRET)];

function assertClean(text: string, what: string): void {
  // Also of a text that was cut, no more than a few characters may stay.
  for (const secret of ALL) {
    assert.ok(!text.includes(secret.slice(0, 12)), `${what} shows ${secret}`);
  }
}

describe("doctor: secrets", () => {
  const folder = scratch();
  after(() => folder.remove());
  const base = {
    Z4J_TOKEN: TOKEN,
    Z4J_HMAC_SECRET: SECRET,
    Z4J_PROJECT_ID: "default",
    Z4J_HOME: folder.path,
  };

  /** Runs against a peer that repeats every secret in each place it can. */
  const report = async (
    status: number,
    env: Readonly<Record<string, string>> = {},
  ): Promise<ReturnType<typeof runDoctor>> => {
    const location = `https://canary-user:canary-pass%21@h/?t=${TOKEN}&s=${SECRET}`;
    const body = JSON.stringify({ status: `ok ${TOKEN}`, version: SECRET, error: TOKEN });
    const headers = {
      location,
      "x-z4j-agent-id": TOKEN,
      "x-z4j-project-id": SECRET,
      "x-z4j-project-slug": SECRET,
      "content-type": "application/json",
    };
    const peer = await startWebServer(status, headers, body);
    try {
      return await runDoctor({
        settings: { env: { ...base, Z4J_BRAIN_URL: `http://127.0.0.1:${peer.port}`, ...env } },
        engines: [{
          ...manualEngine(),
          lint: () => Promise.reject(new Error(`failed with ${TOKEN} and ${SECRET}`)),
        }],
        timeoutMs: 1000,
      });
    } finally {
      await peer.close();
    }
  };

  for (const status of [200, 301, 401, 403, 409, 500]) {
    it(`never appear when the peer repeats them with HTTP ${status}`, async () => {
      const found = await report(status);
      assertClean(renderJson(found), "JSON");
      assertClean(renderText(found, { colors: false, verbose: true }), "text");
      assertClean(inspect(found, { depth: 20 }), "the report");
      const engines = found.probes.find(({ id }) => id === "engines");
      assert.equal(engines?.code, "Z4J_DOCTOR_INTERNAL");
      assert.match(engines?.detail ?? "", /failed with \[secret\] and \[secret\]/);
    });
  }

  it("never appear with a proxy that holds credentials", async () => {
    const found = await report(200, { Z4J_PROXY: PROXY });
    assertClean(renderJson(found), "JSON");
    const proxy = found.probes.find(({ id }) => id === "proxy");
    assert.match(proxy?.detail ?? "", /127\.0\.0\.1:9 from Z4J_PROXY, with credentials/);
  });

  it("are masked in texts and in every depth of facts", () => {
    const mask = createMask({ token: TOKEN, proxy: PROXY }, { hmacSecret: SECRET }, {});
    assert.equal(
      mask(`a ${TOKEN} b ${SECRET} c canary-pass! d`),
      "a [secret] b [secret] c [secret] d",
    );
    assert.equal(
      mask(`cut ${SECRET.slice(0, 20)}, ${TOKEN.slice(0, 13)}!`),
      "cut [secret], [secret]!",
    );
    const value = maskJson({ a: [{ b: `x${TOKEN}` }], n: 1, z: null }, mask);
    assert.deepEqual(value, { a: [{ b: "x[secret]" }], n: 1, z: null });
  });
});
