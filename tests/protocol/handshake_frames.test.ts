import { deepStrictEqual as deepEqual, ok, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { CLOSE, describeClose } from "../../src/protocol/close_codes.ts";
import {
  encodeHello,
  encodeHelloAck,
  parseHello,
  parseHelloAck,
} from "../../src/protocol/handshake_frames.ts";

const TS = "2026-01-02T03:04:05.678Z";
const HELLO = {
  protocol_version: "2",
  agent_version: "0.1.0",
  framework: "",
  engines: ["bullmq"],
  schedulers: [],
  capabilities: { bullmq: ["retry_task"] },
  host: { name: "web-1" },
} as const;
const ACK = {
  protocol_version: "2",
  brain_version: "1.13.0",
  agent_id: "a",
  project_id: "p",
  session_id: "s",
  heartbeat_interval_seconds: 10,
  max_frame_size_bytes: 1_048_576,
} as const;

function invalidFields(change: object): readonly string[] {
  const outcome = parseHello(
    JSON.stringify({ v: 2, id: "h", type: "hello", payload: HELLO, ...change }),
  );
  return outcome.ok ? [] : outcome.invalidFields;
}

describe("handshake frames", () => {
  it("parseHello() reads what encodeHello() printed", () => {
    const outcome = parseHello(new TextEncoder().encode(encodeHello(HELLO, "h_1", TS)));
    ok(outcome.ok);
    equal(outcome.id, "h_1");
    deepEqual(outcome.payload, {
      ...HELLO,
      worker_id: null,
      worker_role: null,
      worker_pid: null,
      worker_started_at: null,
      runtime_features: [],
    });
  });

  it("parseHello() names every wrong field when a hello is malformed", () => {
    deepEqual(invalidFields({ v: "2" }), ["hello.v"]);
    deepEqual(invalidFields({ id: "😀".repeat(64) }), []);
    deepEqual(invalidFields({ id: "😀".repeat(65) }), ["hello.id"]);
    deepEqual(invalidFields({ payload: null }), ["hello.payload"]);
    deepEqual(invalidFields({ type: "helo" }), [""]);
    deepEqual(
      invalidFields({
        payload: { ...HELLO, engines: ["a", 5], capabilities: { x: [1], y: 2 }, worker_pid: true },
      }),
      [
        "hello.payload.engines.1",
        "hello.payload.capabilities.x.0",
        "hello.payload.capabilities.y",
        "hello.payload.worker_pid",
      ],
    );
    for (const time of ["2026-02-30T00:00:00Z", "x", "2026-01-02"]) {
      deepEqual(invalidFields({ payload: { ...HELLO, worker_started_at: time } }), [
        "hello.payload.worker_started_at",
      ]);
    }
  });

  it("parseHello() reads a start time exactly as the stock brain does", () => {
    // Each was tried on the model of z4j 1.13.0.
    const started = (time: string): readonly string[] =>
      invalidFields({ payload: { ...HELLO, worker_started_at: time } });
    for (
      const time of [
        "2026-01-02T03:04",
        "2026-01-02 03:04:05.1234567z",
        "2026-01-02_03:04:05\u221201:00",
        "2026-01-02t03:04:05+2359",
        "0001-01-01T00:00:00",
        "1700000000",
        "-1700000000.5",
        "+5.",
        "253402300799999",
        "-62135596800000",
      ]
    ) {
      deepEqual(started(time), [], time);
    }
    for (
      const time of [
        "0000-01-02T03:04:05",
        "2026-13-01T00:00:00Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:00Z",
        "2026-01-02T03:04:60Z",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+01:60",
        "253402300800000",
        "-62167219200000",
        "1e3",
      ]
    ) {
      deepEqual(started(time), ["hello.payload.worker_started_at"], time);
    }
  });

  it("parseHello() answers 4426 when the protocol version is another", () => {
    const outcome = parseHello(encodeHello({ ...HELLO, protocol_version: "3" }, "h", TS));
    deepEqual(outcome, { ok: false, closeCode: 4426, invalidFields: [] });
  });

  it("parseHelloAck() reads what encodeHelloAck() printed", () => {
    const outcome = parseHelloAck(encodeHelloAck(ACK, "hack_1", TS));
    deepEqual(outcome, { ok: true, id: "hack_1", ts: TS, payload: ACK });
  });

  it("parseHelloAck() fills in defaults and refuses bad numbers", () => {
    const { heartbeat_interval_seconds: _beat, max_frame_size_bytes: _size, ...rest } = ACK;
    const read = (payload: object) =>
      parseHelloAck(JSON.stringify({ v: 2, id: "x", type: "hello_ack", payload }));
    const outcome = read(rest);
    deepEqual(outcome.ok && outcome.payload, ACK);
    for (const seconds of [0, 3601, 1.5, "10", null]) {
      const refused = read({ ...ACK, heartbeat_interval_seconds: seconds });
      deepEqual(refused.ok || refused.invalidFields, [
        "hello_ack.payload.heartbeat_interval_seconds",
      ]);
    }
    const other = read({ ...ACK, protocol_version: "3" });
    equal(other.ok || other.reason, "protocol_version");
  });
});

describe("close codes", () => {
  it("describeClose() gives the class of the table when the code is known", () => {
    const classes = Object.values(CLOSE).map((
      code,
    ) => [code, describeClose(code, "session").class]);
    deepEqual(classes.filter(([, name]) => name !== "connection"), [
      [4003, "auth"],
      [4401, "auth"],
      [4403, "auth"],
      [4426, "incompatible"],
      [4427, "incompatible"],
    ]);
    for (const code of [null, 0, 1006, 3999]) {
      equal(describeClose(code, "handshake").class, "connection");
    }
  });

  it("describeClose() tells an address from a secret when the code is 4403", () => {
    ok(describeClose(4403, "handshake").meaning.includes("address"));
    ok(describeClose(4403, "session").advice.includes("clock"));
  });
});
