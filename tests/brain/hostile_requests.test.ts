import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { startBrain } from "../../src/brain/mod.ts";

/** The status of the answer to raw bytes; `closed` without one. */
function statusOf(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(text));
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on("data", (bytes) => {
      answer += bytes.toString("latin1");
      if (answer.includes("\r\n")) socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? "closed"));
  });
}

const REQUESTS: Readonly<Record<string, (host: string) => string[]>> = {
  "an upgrade without a key": (host) => [
    ...["GET /ws/agent HTTP/1.1", `Host: ${host}`, "Connection: Upgrade", "Upgrade: websocket"],
    "Sec-WebSocket-Version: 13",
  ],
  "a Host that makes no address": () => ["GET /api/v1/projects HTTP/1.1", "Host: a b@c d"],
  "an empty Host": () => ["GET /api/v1/projects HTTP/1.1", "Host:"],
  "a target with a port that is none": () => [
    "GET http://evil.example:99999/ HTTP/1.1",
    "Host: evil.example",
  ],
  "a tunnel": () => ["CONNECT evil.example:443 HTTP/1.1", "Host: evil.example"],
  "a target that is a star": () => ["OPTIONS * HTTP/1.1", "Host: evil.example"],
};

describe("a request that no client of ours sends", () => {
  for (const [name, lines] of Object.entries(REQUESTS)) {
    it(`${name} is refused, not answered with 500`, async () => {
      await using brain = await startBrain({ port: 0, dataDir: null });
      const text = [...lines(`127.0.0.1:${brain.port}`), "", ""].join("\r\n");
      assert.match(await statusOf(brain.port, text), /^(4\d\d|closed)$/);
    });
  }
});
