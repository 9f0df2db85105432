import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isRemoteMount, mountType } from "../../src/buffer/mounts.ts";

const TABLE = [
  "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw",
  "23 22 0:21 / /proc rw,nosuid - proc proc rw",
  "30 22 0:40 / /work/my\\040files rw,relatime shared:9 - virtiofs share rw",
  "31 22 0:41 / /data rw - nfs4 server:/data rw",
  "32 31 0:42 / /data/local rw - tmpfs tmpfs rw",
  "33 22 0:43 / /over rw - ext4 /dev/vdb rw",
  "34 33 0:44 / /over rw - fuse.grpcfuse grpcfuse rw",
  "",
].join("\n");

describe("mountType()", () => {
  it("mountType() finds the innermost, newest mount", () => {
    assert.equal(mountType(TABLE, "/home/a/buffer.sqlite"), "ext4");
    assert.equal(mountType(TABLE, "/work/my files/buffer.sqlite"), "virtiofs");
    assert.equal(mountType(TABLE, "/data/buffer.sqlite"), "nfs4");
    assert.equal(mountType(TABLE, "/data/local/buffer.sqlite"), "tmpfs");
    assert.equal(mountType(TABLE, "/database/buffer.sqlite"), "ext4");
    assert.equal(mountType(TABLE, "/over/buffer.sqlite"), "fuse.grpcfuse");
    assert.equal(mountType("", "/x"), null);
    for (const line of ["22 1 254:0 / / rw", "22 1 254:0 / / rw -", "22 1 / - ext4 x rw"]) {
      assert.equal(mountType(line, "/x"), null, line);
    }
  });

  it("isRemoteMount() tells file systems of somewhere else from local ones", () => {
    for (const type of ["nfs", "nfs4", "9p", "virtiofs", "fuse.grpcfuse", "fuse", "cifs"]) {
      assert.equal(isRemoteMount(type), true, type);
    }
    for (const type of ["ext4", "xfs", "overlay", "tmpfs", "btrfs", "zfs", "fuseblk", null]) {
      assert.equal(isRemoteMount(type), false, `${type}`);
    }
  });
});
