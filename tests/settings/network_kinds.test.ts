import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { certificates, proxyUrl } from "../../src/settings/network_kinds.ts";

const facts = { env: "Z4J_X", meaning: "Something." };
const PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";

describe("certificates()", () => {
  const { parseText, parseOption, fallback } = certificates(facts);

  it("takes PEM text, also with line ends written as two characters", () => {
    assert.deepEqual(parseText(PEM), { ok: true, value: PEM });
    assert.deepEqual(parseText(PEM.replaceAll("\n", "\\n")), { ok: true, value: PEM });
    assert.deepEqual(parseOption(`${PEM}\n`), { ok: true, value: PEM });
  });

  it("takes a path and is null when nothing is given", () => {
    assert.deepEqual(parseText("/etc/ssl/ca.pem"), { ok: true, value: "/etc/ssl/ca.pem" });
    assert.equal(fallback, null);
  });

  it("refuses a private key, control characters and other types", () => {
    const key = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----";
    for (const wrong of [parseText(key), parseText("/etc/\u0000x"), parseOption(7)]) {
      assert.ok(!wrong.ok);
      assert.doesNotMatch(wrong.state, /canary/);
    }
  });
});

describe("proxyUrl()", () => {
  const rule = proxyUrl(facts);

  it("takes http and https addresses, with credentials, and is never shown", () => {
    for (const text of ["http://proxy:3128", "https://u:p@proxy.example"]) {
      assert.deepEqual(rule.parseText(text), { ok: true, value: text });
    }
    assert.equal(rule.secret, true);
  });

  it("refuses other schemes and texts without a host", () => {
    for (const text of ["socks5://proxy:1080", "proxy:3128", "http://", "nonsense"]) {
      assert.equal(rule.parseText(text).ok, false, text);
    }
  });
});
