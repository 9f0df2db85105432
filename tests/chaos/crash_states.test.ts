import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { Disk } from "../../scripts/crash_states_parts/disk.ts";
import { readTrace } from "../../scripts/crash_states_parts/trace.ts";

const PLACE = "/p";
const hex = (text: string): string =>
  [...new TextEncoder().encode(text)]
    .map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
const fd = (name: string): string => `7<${hex(`${PLACE}/${name}`)}>`;

describe("readTrace()", () => {
  it("keeps what concerns the file, and takes a call in two halves at its end", () => {
    const steps = readTrace(
      [
        `10 openat(AT_FDCWD<${hex("/")}>, "${hex(`${PLACE}/a.db`)}", O_RDWR|O_CREAT, 0644) = 7`,
        `10 pwrite64(${fd("a.db-wal")}, "${hex("xyz")}", 3, 32 <unfinished ...>`,
        `11 openat(AT_FDCWD<${hex("/")}>, "${hex("/etc/hosts")}", O_RDONLY) = 9`,
        `12 pwrite64(${fd("a.db-shm")}, "${hex("z")}", 1, 4095) = 1`,
        `12 write(${fd("marks")}, "${hex('{"done":1}\n')}", 11) = 11`,
        `10 <... pwrite64 resumed>) = 2`,
        `10 fdatasync(${fd("a.db-wal")} <unfinished ...>`,
        `10 <... fdatasync resumed>) = -1 EIO (Input/output error)`,
        `10 fdatasync(${fd("a.db-wal")}) = 0`,
      ].join("\n"),
      PLACE,
      "a.db",
    );
    assert.deepEqual(steps, [
      { kind: "create", file: "a.db" },
      { kind: "mark", mark: { done: 1 } },
      { kind: "write", file: "a.db-wal", at: 32, data: new TextEncoder().encode("xy") },
      { kind: "sync", file: "a.db-wal" },
    ]);
  });
});

describe("Disk", () => {
  it("keeps what was synced, and of the rest what its fate says", () => {
    const disk = new Disk();
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    disk.take({ kind: "create", file: "f" });
    disk.take({ kind: "write", file: "f", at: 0, data: bytes("safe") });
    disk.take({ kind: "sync", file: "f" });
    assert.equal(disk.allSynced, true);
    disk.take({ kind: "write", file: "f", at: 4, data: bytes("one") });
    disk.take({ kind: "write", file: "f", at: 0, data: bytes("S") });
    assert.equal(disk.allSynced, false);
    const after = (reached: readonly boolean[], most: number): string => {
      const fate = {
        reached: (index: number) => reached[index] ?? false,
        part: (length: number) => Math.min(length, most),
      };
      return new TextDecoder().decode(disk.afterPowerLoss(fate).get("f"));
    };
    assert.equal(after([false, false], 9), "safe");
    assert.equal(after([false, true], 9), "Safe");
    assert.equal(after([true, false], 2), "safeon");
    const next = { kind: "write", file: "f", at: 7, data: bytes("two") } as const;
    assert.equal(new TextDecoder().decode(disk.afterCrash(next, 2).get("f")), "Safeonetw");
  });
});
