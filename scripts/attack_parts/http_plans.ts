import type { Random } from "../chaos_parts/random.ts";
import { mintBody, pieces, type Planner, request, type Target } from "./plan.ts";

const HEALTH = "GET /api/v1/health";
const MINT = "POST /api/v1/projects/default/agents";
const JSON_TYPE = "Content-Type: application/json";

function bearer({ apiToken }: Target): string {
  return `Authorization: Bearer ${apiToken}`;
}

function sized(body: string): string {
  return `Content-Length: ${body.length}`;
}

function mint(target: Target, random: Random, headers: readonly string[]): string {
  const body = mintBody(random);
  return request(target, MINT, [JSON_TYPE, ...headers, sized(body)], body);
}

function chunked(target: Target, headers: readonly string[], body: string): string {
  return request(target, MINT, [JSON_TYPE, ...headers, "Transfer-Encoding: chunked"], body);
}

/** A whole request inside of another's body: it must never be answered as one of its own. */
function hidden(target: Target, random: Random): string {
  return mint(target, random, ["Host: evil.example", bearer(target)]);
}

/** Attacks on HTTP, by kind. */
export const HTTP_PLANS: Readonly<Record<string, Planner>> = {
  "partial request": (target, random) => {
    const text = request(target, HEALTH);
    return { parts: [text.slice(0, random.int(0, text.length - 3))], then: "hold" };
  },
  "byte by byte": (target, random) => ({
    parts: pieces(request(target, HEALTH, ["Connection: close"]), random, 2),
    paceMs: 1,
    refused: false,
  }),
  "endless headers": (_target, random) => ({
    parts: pieces(
      `${HEALTH} HTTP/1.1\r\n${`X-${random.int(0, 99)}: y\r\n`.repeat(60)}`,
      random,
      30,
    ),
    paceMs: 2,
    then: "reset",
  }),
  "oversized headers": (target, random) => ({
    parts: [
      request(target, "GET /api/v1/projects", [
        `X-Big: ${"a".repeat(random.size(8_000, 2_000_000))}`,
      ]),
    ],
  }),
  "oversized target": (target, random) => ({
    parts: [request(target, `GET /api/v1/projects?q=${"a".repeat(random.size(8_000, 500_000))}`)],
  }),
  "oversized body": (target, random) => {
    const body = JSON.stringify({ name: "a".repeat(random.size(70_000, 3_000_000)) });
    return { parts: [request(target, MINT, [bearer(target), JSON_TYPE, sized(body)], body)] };
  },
  "oversized chunked body": (target, random) => {
    const body = "a".repeat(random.size(2_000_000, 4_000_000));
    const text = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    return { parts: [chunked(target, [bearer(target)], text)] };
  },
  "untrue length": (target, random) => ({
    parts: [
      request(target, MINT, [
        bearer(target),
        JSON_TYPE,
        `Content-Length: ${
          random.pick(["-1", "1e3", "0x10", "99999999999999999999", "+5", "1 2", ""])
        }`,
      ], mintBody(random)),
    ],
  }),
  "body that stops": (target, random) => ({
    parts: [request(target, MINT, [bearer(target), JSON_TYPE, "Content-Length: 5000"], "{")],
    then: random.pick(["hold", "half", "reset"]),
  }),
  "half-open": (target) => ({ parts: [request(target, HEALTH)], then: "half", refused: false }),
  "reset": (target, random) => {
    const text = mint(target, random, []);
    return { parts: [text.slice(0, random.int(1, text.length))], then: "reset" };
  },
  "foreign Host": (target, random) => ({
    parts: [
      mint(target, random, [
        `Host: ${
          random.pick([
            "evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1:1",
            "",
            "localhost@evil.example",
            `evil.example:${target.port}`,
          ])
        }`,
        bearer(target),
      ]),
    ],
  }),
  "no Host": (target, random) => {
    const body = mintBody(random);
    return {
      parts: [
        `${MINT} HTTP/1.1\r\n${bearer(target)}\r\n${JSON_TYPE}\r\n${sized(body)}\r\n\r\n${body}`,
      ],
    };
  },
  "foreign Origin, no cookie": (target, random) => ({
    parts: [mint(target, random, ["Origin: http://evil.example"])],
  }),
  "foreign Origin with cookie": (target, random) => ({
    parts: [
      mint(target, random, [
        `Cookie: ${target.cookie}`,
        random.pick([
          "Origin: http://evil.example",
          "Origin: null",
          "X: y",
          "Sec-Fetch-Site: cross-site",
          "Sec-Fetch-Site: same-site",
        ]),
      ]),
    ],
  }),
  "length and chunked": (target, random) => {
    const inner = hidden(target, random);
    const text = `0\r\n\r\n${inner}`;
    return { parts: [chunked(target, [sized(text)], text)] };
  },
  "two lengths": (target, random) => {
    const body = mintBody(random);
    return {
      parts: [
        request(target, MINT, [bearer(target), JSON_TYPE, "Content-Length: 3", sized(body)], body),
      ],
    };
  },
  "bare LF": (target, random) => ({ parts: [mint(target, random, []).replaceAll("\r\n", "\n")] }),
  "folded header": (target, random) => ({
    parts: [mint(target, random, [`Authorization:\r\n Bearer ${random.int(0, 1e9)}`])],
  }),
  "space before colon": (target, random) => {
    const text = `0\r\n\r\n${hidden(target, random)}`;
    return { parts: [request(target, MINT, [`Transfer-Encoding : chunked`, sized(text)], text)] };
  },
  "bad chunks": (target, random) => ({
    parts: [
      chunked(
        target,
        [bearer(target)],
        `${random.pick(["zz", "-5", "fffffffffffffffff", "5;a=b\n", "", "0x5"])}\r\n${
          mintBody(random)
        }\r\n0\r\n\r\n`,
      ),
    ],
  }),
  "two Hosts": (target, random) => {
    const hosts = [`Host: 127.0.0.1:${target.port}`, "Host: evil.example"];
    const headers = random.chance(0.5) ? hosts : hosts.toReversed();
    return { parts: [mint(target, random, [...headers, bearer(target)])] };
  },
  "odd transfer coding": (target, random) => {
    const coding = random.pick([
      "Transfer-Encoding: xchunked",
      "Transfer-Encoding: chunked, identity",
      "Transfer-Encoding: identity",
      "Transfer-Encoding:\u000bchunked",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
      "Transfer-Encoding\t: chunked",
    ]);
    const text = `0\r\n\r\n${hidden(target, random)}`;
    return { parts: [request(target, MINT, [JSON_TYPE, coding, sized(text)], text)] };
  },
  "header in a header": (target, random) => {
    // Not a single LF, which may end a line (RFC 9112 section 2.2).
    const ends = random.pick(["\r", "\0", "\r\r\n", "\u0085"]);
    return { parts: [mint(target, random, [`X-Any: y${ends}${bearer(target)}`])] };
  },
  "forwarded Host": (target, random) => ({
    parts: [
      mint(target, random, [
        "Host: evil.example",
        `X-Forwarded-Host: 127.0.0.1:${target.port}`,
        `Forwarded: host="127.0.0.1:${target.port}";for=127.0.0.1`,
        "X-Original-URL: /api/v1/health",
        "X-HTTP-Method-Override: GET",
        bearer(target),
      ]),
    ],
  }),
  "pipelined garbage": (target, random) => ({
    parts: [
      request(target, "GET /api/v1/projects"),
      hidden(target, random),
      "\0\u0001garbage\r\n\r\n",
    ],
  }),
  "absolute target": (target, random) => ({
    parts: [
      request(
        target,
        random.pick([
          `GET http://evil.example/api/v1/projects`,
          "GET http://evil.example:99999/",
          "GET //evil.example/api/v1/projects",
          "CONNECT evil.example:443",
          "OPTIONS *",
        ]),
        ["Host: evil.example"],
      ),
    ],
  }),
  "not HTTP": (_target, random) => ({
    parts: [Uint8Array.from({ length: random.size(1, 4_000) }, () => random.int(0, 255))],
    then: random.pick(["answer", "reset", "half"]),
  }),
};
