import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { parseBrainUrl } from "../../src/settings/brain_url.ts";
import { problemsOf, resolve, settingsOf } from "./settings_support.ts";

describe("parseBrainUrl()", () => {
  it("parseBrainUrl() keeps a path prefix and drops slashes at the end", () => {
    const cases = {
      "https://a.example": "https://a.example",
      "https://a.example/": "https://a.example",
      "https://a.example:8443/z4j//": "https://a.example:8443/z4j",
      "HTTPS://A.Example/Pre": "https://a.example/Pre",
      "wss://a.example/pre": "https://a.example/pre",
      "ws://localhost:7700": "http://localhost:7700",
    };
    for (const [text, value] of Object.entries(cases)) {
      assert.deepEqual(parseBrainUrl(text), { ok: true, value });
    }
  });

  it("parseBrainUrl() refuses what would break the socket URL", () => {
    const wrong = [
      "tasks.example.com",
      "ftp://a.example",
      "file:///etc",
      "javascript:alert(1)",
      "https://",
      "https://u@a.example",
      "https://:p@a.example",
      "https://@a.example",
      "https:\\\\u@a.example",
      "https://a.example?x=1",
      "https://a.example/?",
      "https://a.example#",
    ];
    for (const text of wrong) assert.equal(parseBrainUrl(text).ok, false, text);
  });
});

describe("resolveSettings() with plain http", () => {
  it("resolveSettings() takes plain http to loopback", () => {
    const hosts = [
      "localhost",
      "LOCALHOST.",
      "brain.localhost",
      "127.0.0.1",
      "127.9.8.7",
      "[::1]",
      "127.1",
    ];
    for (const host of hosts) assert.ok(resolve({ brainUrl: `http://${host}:7700` }).ok, host);
  });

  it("resolveSettings() refuses plain http and ws to other hosts", () => {
    const hosts = [
      "tasks.example.com",
      "127.evil.example",
      "localhost.evil.example",
      "notlocalhost",
      "10.0.0.1",
      "0.0.0.0",
      "[::2]",
      "128.0.0.1",
    ];
    for (const host of hosts) {
      for (const scheme of ["http", "ws"]) {
        const [problem] = problemsOf(resolve({ brainUrl: `${scheme}://${host}` }));
        assert.equal(problem?.code, "insecure", host);
        assert.match(problem?.message ?? "", /refusing plain ws:\/\/ connection/);
      }
    }
  });

  it("resolveSettings() takes plain http to other hosts in dev mode", () => {
    assert.ok(resolve({ brainUrl: "http://10.0.0.1", devMode: true }).ok);
    const settings = settingsOf(resolve({ brainUrl: "http://10.0.0.1" }, { Z4J_DEV_MODE: "1" }));
    assert.equal(settings.brainUrl, "http://10.0.0.1");
  });
});
