import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  connectLocal,
  isLocalPath,
  listenLocal,
  type LocalChannel,
} from "../../src/platform/local_socket.ts";
import { runScript } from "../_support/child.ts";
import { until } from "../_support/wait.ts";

const BOUNDS = { maxConnections: 2, maxLineChars: 100 };

let folder: string;
// The sockets keep no process alive, nor this one.
let alive: ReturnType<typeof setInterval>;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "z4j-local-"));
  alive = setInterval(() => {}, 1000);
});
after(() => {
  clearInterval(alive);
  rmSync(folder, { recursive: true, force: true });
});

const echo = async (channel: LocalChannel): Promise<void> => {
  for (let line = await channel.next(); line !== null; line = await channel.next()) {
    channel.send(line);
  }
};

describe("a local socket", () => {
  it("carries lines both ways, is private, and takes its file with it", async () => {
    const path = join(folder, "lines.sock");
    const server = await listenLocal(path, BOUNDS, (channel) => void echo(channel));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const channel = await connectLocal(path, 100);
    for (const line of ["one", "", "zwölf ✓"]) {
      channel.send(line);
      assert.equal(await channel.next(), line);
    }
    server.close();
    assert.equal(await channel.next(), null);
    assert.throws(() => statSync(path), /ENOENT|os error 2/);
    await assert.rejects(connectLocal(path, 100));
  });

  it("drops who says too much, and who is one too many", async () => {
    const path = join(folder, "bounds.sock");
    const server = await listenLocal(path, BOUNDS, (channel) => void echo(channel));
    try {
      const loud = await connectLocal(path, 100);
      loud.send("x".repeat(101));
      assert.equal(await loud.next(), null);
      const open: LocalChannel[] = [];
      await until("two connections", async () => {
        const channel = await connectLocal(path, 100);
        channel.send("in");
        if (await channel.next() === "in") open.push(channel);
        return open.length === 2;
      });
      assert.equal(await (await connectLocal(path, 100)).next(), null);
      for (const channel of open) channel.close();
    } finally {
      server.close();
    }
  });

  it("is refused where a file is, and keeps no process alive", async () => {
    const taken = join(folder, "taken.sock");
    writeFileSync(taken, "");
    await assert.rejects(listenLocal(taken, BOUNDS, () => {}));
    const child = runScript("tests/_support/local_socket_child.ts", {
      args: [join(folder, "child.sock")],
    });
    assert.equal(await child.ended(30_000), 0, child.output());
    assert.match(child.output(), /connected/);
  });

  it("has a path of POSIX that every system takes", () => {
    assert.equal(isLocalPath("/tmp/a.sock"), true);
    assert.equal(isLocalPath("C:\\a.sock"), false);
    assert.equal(isLocalPath(`/${"x".repeat(102)}`), true);
    assert.equal(isLocalPath(`/${"ü".repeat(52)}`), false);
  });
});
