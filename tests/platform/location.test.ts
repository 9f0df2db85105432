import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  type BufferLocation,
  chooseBufferPath,
  type LocationPlatform,
  type LocationWish,
} from "../../src/buffer/location.ts";
import { createPlatform } from "../../src/platform/node.ts";
import { withTempDir } from "./platform_support.ts";

interface Place {
  readonly dir: string;
  readonly home: string;
  readonly temp: string;
  /** `$TMPDIR/z4j-{uid}` of this place. */
  readonly tempRoot: string;
  choose(bufferPath: string | null, home?: string): BufferLocation;
}

function withPlace(use: (place: Place) => void): Promise<void> {
  return withTempDir((dir) => {
    const real = createPlatform();
    const home = join(dir, "home");
    const temp = join(dir, "temp");
    mkdirSync(temp);
    const platform = { ...real, tempDir: () => temp };
    use({
      dir,
      home,
      temp,
      tempRoot: join(temp, `z4j-${real.userId()}`),
      choose: (bufferPath, at = home) => chooseBufferPath({ home: at, bufferPath }, platform),
    });
  });
}

const NAME = `buffer-${process.pid}.sqlite`;

describe("chooseBufferPath()", () => {
  it("chooseBufferPath() takes the default file in a private home", () =>
    withPlace(({ home, choose }) => {
      assert.deepEqual(choose(null), { kind: "file", path: join(home, NAME), fallback: false });
      assert.equal(statSync(home).mode & 0o777, 0o700);
    }));

  it("chooseBufferPath() falls back with one warning when the home is not writable", () =>
    withPlace(({ dir, tempRoot, choose }) => {
      writeFileSync(join(dir, "file"), "");
      const location = choose(null, join(dir, "file/home"));
      assert.ok(location.kind === "file" && location.fallback);
      assert.equal(location.path, join(tempRoot, NAME));
      assert.match(location.warning ?? "", /file\/home is not usable/);
      assert.equal(statSync(tempRoot).mode & 0o777, 0o700);
    }));

  it("chooseBufferPath() stays in memory when the fallback is a trap", () =>
    withPlace(({ dir, tempRoot, choose }) => {
      mkdirSync(join(dir, "elsewhere"));
      symlinkSync(join(dir, "elsewhere"), tempRoot);
      const location = choose(null, "/proc/z4j");
      assert.equal(location.kind, "memory");
      assert.match(location.kind === "memory" ? location.reason : "", /symbolic link/);
    }));

  it("chooseBufferPath() takes explicit files in both roots", () =>
    withPlace(({ home, tempRoot, choose }) => {
      for (
        const path of [
          join(home, "a.sqlite"),
          join(home, "sub/a.sqlite"),
          join(tempRoot, "a.sqlite"),
        ]
      ) {
        assert.deepEqual(choose(path), { kind: "file", path, fallback: false });
      }
      assert.deepEqual(choose(`${home}/sub/../b.sqlite`), {
        kind: "file",
        path: join(home, "b.sqlite"),
        fallback: false,
      });
    }));

  it("chooseBufferPath() rejects explicit files outside of the roots", () =>
    withPlace(({ dir, home, temp, tempRoot, choose }) => {
      const outside = [
        join(dir, "a.sqlite"),
        `${home}/../a.sqlite`,
        `${home}/missing/../../a.sqlite`,
        `${home}x/a.sqlite`,
        join(temp, "a.sqlite"),
        `${tempRoot}-x/a.sqlite`,
        home,
        tempRoot,
        "/etc/passwd",
        "a.sqlite",
      ];
      for (const path of outside) {
        const location = choose(path);
        assert.equal(location.kind, "rejected", path);
        assert.match(location.kind === "rejected" ? location.problem : "", /Z4J_BUFFER_PATH/);
      }
      assert.ok(!existsSync(join(dir, "a.sqlite")));
    }));

  it("chooseBufferPath() rejects links that lead out of the roots", () =>
    withPlace(({ dir, home, tempRoot, choose }) => {
      mkdirSync(home);
      mkdirSync(join(dir, "elsewhere"));
      writeFileSync(join(dir, "elsewhere/file"), "");
      symlinkSync(join(dir, "elsewhere"), join(home, "dir"));
      symlinkSync(join(dir, "elsewhere/file"), join(home, "file"));
      symlinkSync(join(dir, "elsewhere/later"), join(home, "dangling"));
      symlinkSync("loop", join(home, "loop"));
      symlinkSync(join(dir, "elsewhere"), tempRoot);
      const paths = ["dir/a", "dir/new/a", "file", "dangling", "loop"].map((name) =>
        join(home, name)
      );
      for (const path of [...paths, join(tempRoot, "a")]) {
        assert.equal(choose(path).kind, "rejected", path);
      }
    }));

  it("chooseBufferPath() follows links inside of a root to the file they mean", () =>
    withPlace(({ home, choose }) => {
      mkdirSync(home);
      symlinkSync(join(home, "real.sqlite"), join(home, "link"));
      const location = choose(join(home, "link"));
      assert.equal(location.kind === "file" && location.path, join(home, "real.sqlite"));
    }));

  it("chooseBufferPath() takes a home that is a link and answers the real place", () =>
    withPlace(({ dir, choose }) => {
      mkdirSync(join(dir, "disk"));
      symlinkSync(join(dir, "disk"), join(dir, "linked"));
      const location = choose(join(dir, "linked/a"), join(dir, "linked"));
      assert.equal(location.kind === "file" && location.path, join(dir, "disk/a"));
    }));

  it("chooseBufferPath() stays in memory when the default name is a link to elsewhere", () =>
    withPlace(({ dir, home, choose }) => {
      mkdirSync(home);
      symlinkSync(join(dir, "stolen"), join(home, NAME));
      assert.equal(choose(null).kind, "memory");
    }));
});

describe("chooseBufferPath() on a platform that is described", () => {
  const ours = (answers: Readonly<Record<string, string>> = {}): LocationPlatform => ({
    pid: 7,
    tempDir: () => "/tmp",
    userId: () => "1000",
    realPath(path) {
      if (path.includes("loop")) throw new Error("too many links");
      return path;
    },
    ensurePrivateDir: (path) =>
      answers[path] === undefined
        ? { kind: "usable", path }
        : { kind: "unusable", path, reason: answers[path] },
  });
  const choose = (
    wish: Partial<LocationWish>,
    platform: LocationPlatform = ours(),
  ): BufferLocation => chooseBufferPath({ home: "/h", bufferPath: null, ...wish }, platform);

  it("chooseBufferPath() stays in memory when links of a directory lead in a circle", () => {
    const reason = "a directory has links that lead in a circle";
    assert.deepEqual(choose({ home: "/loop" }), { kind: "memory", reason });
    const platform = { ...ours(), tempDir: () => "/loop" };
    assert.deepEqual(choose({}, platform), { kind: "memory", reason });
  });

  it("chooseBufferPath() rejects a file whose links lead in a circle", () => {
    const location = choose({ bufferPath: "/h/loop" });
    assert.match(location.kind === "rejected" ? location.problem : "", /links lead in a circle/);
  });

  it("chooseBufferPath() has no second choice for a file in the temporary root", () => {
    const root = "/tmp/z4j-1000";
    for (const bufferPath of [`${root}/a.sqlite`, `${root}/b/a.sqlite`]) {
      assert.deepEqual(choose({ bufferPath }, ours({ [root]: "read-only" })), {
        kind: "memory",
        reason: `${root} is not usable (read-only)`,
      });
    }
  });

  it("chooseBufferPath() falls back to the temporary root from a directory inside of it", () => {
    const location = choose(
      { bufferPath: "/tmp/z4j-1000/b/a.sqlite" },
      ours({ "/tmp/z4j-1000/b": "full" }),
    );
    assert.ok(location.kind === "file" && location.fallback);
    assert.equal(location.path, "/tmp/z4j-1000/buffer-7.sqlite");
  });

  it("chooseBufferPath() says of both directories why they cannot be used", () => {
    assert.deepEqual(choose({}, ours({ "/h": "full", "/tmp/z4j-1000": "not ours" })), {
      kind: "memory",
      reason: "/h is not usable (full), /tmp/z4j-1000 is not usable (not ours)",
    });
  });

  it("chooseBufferPath() takes the root directory and drives of Windows for a home", () => {
    const file = (path: string) => ({ kind: "file", path, fallback: false });
    assert.deepEqual(choose({ home: "/" }), file("/buffer-7.sqlite"));
    const windows = { ...ours(), tempDir: () => "C:\\temp" };
    assert.deepEqual(choose({ home: "C:\\h" }, windows), file("C:\\h\\buffer-7.sqlite"));
    assert.deepEqual(choose({ home: "D:\\" }, windows), file("D:\\buffer-7.sqlite"));
    const inTemp = "C:\\temp\\z4j-1000\\a.sqlite";
    assert.deepEqual(choose({ home: "C:\\h", bufferPath: inTemp }, windows), file(inTemp));
  });
});
