import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isZ4jError } from "../../src/base/errors.ts";
import { agentSocketUrl, isLoopbackHost } from "../../src/transport/url.ts";

describe("agentSocketUrl()", () => {
  it("maps the scheme, keeps a path prefix and drops trailing slashes", () => {
    const cases = {
      "https://z4j.example.com": "wss://z4j.example.com/ws/agent",
      "https://example.com:8443/z4j//": "wss://example.com:8443/z4j/ws/agent",
      "http://localhost:7700/": "ws://localhost:7700/ws/agent",
      "http://[::1]:1/": "ws://[::1]:1/ws/agent",
      "wss://a.example/x?y=1#z": "wss://a.example/x/ws/agent",
    };
    for (const [from, to] of Object.entries(cases)) assert.equal(agentSocketUrl(from), to);
  });

  it("refuses plain text to other machines unless it is permitted", () => {
    const refused = (error: unknown) => isZ4jError(error) && error.code === "Z4J_SETTINGS_INVALID";
    for (const url of ["http://brain.internal", "ws://10.0.0.1", "http://localhost.evil.com"]) {
      assert.throws(() => agentSocketUrl(url), refused);
    }
    assert.equal(agentSocketUrl("http://brain.internal", true), "ws://brain.internal/ws/agent");
  });

  it("refuses credentials, other schemes and nonsense without repeating them", () => {
    for (const url of ["https://user:hunter2@brain", "ftp://brain", "hunter2 hunter2"]) {
      assert.throws(() => agentSocketUrl(url), (error) => !String(error).includes("hunter2"));
    }
  });
});

describe("isLoopbackHost()", () => {
  it("knows the names of this machine only", () => {
    for (const host of ["localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1", "[::1]"]) {
      assert.equal(isLoopbackHost(host), true, host);
    }
    for (const host of ["127.0.0.1.evil.com", "0.0.0.0", "localhost.com", "example.com"]) {
      assert.equal(isLoopbackHost(host), false, host);
    }
  });
});
