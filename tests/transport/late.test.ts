import { deepStrictEqual as deepEqual, match, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { createLateTransport } from "../../src/transport/late.ts";
import type { OpenOutcome, SessionHandlers, Transport } from "../../src/transport/port.ts";
import type { HelloPayload } from "../../src/protocol/frames.ts";

const HELLO = {} as HelloPayload;
const HANDLERS: SessionHandlers = { message() {}, ended() {} };
const REFUSED: OpenOutcome = {
  kind: "refused",
  end: { class: "auth", code: 401, advice: "of the transport itself" },
};

function open(transport: Transport): Promise<OpenOutcome> {
  return transport.open(HELLO, HANDLERS, new AbortController().signal);
}

describe("a late transport", () => {
  it("reads its code at the first dial, once", async () => {
    let loads = 0;
    const transport = createLateTransport("longpoll", () => {
      loads++;
      return Promise.resolve({ name: "longpoll", open: () => Promise.resolve(REFUSED) });
    });
    equal(transport.name, "longpoll");
    equal(loads, 0);
    deepEqual(await open(transport), REFUSED);
    deepEqual(await open(transport), REFUSED);
    equal(loads, 1);
  });

  it("refuses a dial whose code cannot be read, and tries again at the next", async () => {
    let loads = 0;
    const transport = createLateTransport("websocket", () => {
      if (loads++ === 0) return Promise.reject(new Error("no such file"));
      return Promise.resolve({ name: "websocket", open: () => Promise.resolve(REFUSED) });
    });
    const first = await open(transport);
    equal(first.kind, "refused");
    if (first.kind !== "refused") return;
    equal(first.end.class, "connection");
    match(first.end.advice, /cannot be read: no such file/);
    deepEqual(await open(transport), REFUSED);
  });
});
