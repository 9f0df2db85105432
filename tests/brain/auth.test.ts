import {
  deepStrictEqual as deepEqual,
  match,
  notStrictEqual as notEqual,
  strictEqual as equal,
} from "node:assert/strict";
import { request } from "node:http";
import { after, before, describe, it } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { createAuth, looksLikeApiToken, newApiToken } from "../../src/brain/auth.ts";
import { MAX_SIGN_IN_FAILURES, SIGN_IN_LINK_MS } from "../../src/brain/auth_limits.ts";
import { type ServedBrain, serveFakeBrain } from "../_support/http_brain.ts";
import { taskRow } from "../_support/fake_core.ts";

const P = "/api/v1/projects/default";
const GETS: readonly string[] = [
  "/",
  "/assets/style.css",
  "/assets/client.js",
  "/fragments/tasks",
  "/tasks/bullmq/mail%3A1",
  "/fragments/tasks/bullmq/mail%3A1",
  "/api/v1/projects",
  P,
  `${P}/agents`,
  `${P}/agent-workers`,
  `${P}/tasks`,
  `${P}/tasks/bullmq/mail%3A1`,
  `${P}/events?engine=bullmq&task_id=mail:1`,
  `${P}/workers`,
  `${P}/queues`,
  `${P}/stats`,
  `${P}/commands`,
  `${P}/schedules`,
  `${P}/live`,
  "/nothing",
];
const POSTS: readonly string[] = [
  "/agents",
  "/agents/agent/revoke",
  "/schedules/schedule/trigger",
  "/tasks/bullmq/mail%3A1/cancel",
  "/tasks/bullmq/mail%3A1/retry",
  "/sign-out",
  "/sign-in",
  "/api/v1/sign-in-links",
  `${P}/agents`,
  `${P}/commands/cancel-task`,
  `${P}/commands/retry-task`,
  `${P}/commands/bulk-retry`,
  `${P}/commands/purge-queue`,
  `${P}/schedules/schedule/enable`,
  `${P}/schedules:resync`,
];

/** A request with headers that `fetch` does not let through. */
function raw(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, method, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on("error", reject);
    call.end();
  });
}

describe("the gate of a served brain", () => {
  let served: ServedBrain;
  let cookie: string;

  before(async () => {
    served = await serveFakeBrain();
    served.state.tasks.push(taskRow());
    cookie = await served.signIn();
  });
  after(() => served.brain.close());

  const status = async (path: string, init: RequestInit = {}): Promise<number> => {
    const response = await fetch(`${served.brain.baseUrl}${path}`, { redirect: "manual", ...init });
    await response.body?.cancel();
    return response.status;
  };

  for (const path of GETS) {
    it(`answers 401 to GET ${path} without credentials`, async () => {
      equal(await status(path), 401);
      equal(await status(path, { headers: { authorization: `Bearer ${newApiToken()}` } }), 401);
      equal(await status(path, { headers: { cookie: `${cookie}0` } }), 401);
    });
  }

  for (const path of POSTS) {
    it(`answers 401 to POST ${path} without credentials, 403 across sites`, async () => {
      equal(await status(path, { method: "POST" }), 401);
      const { port } = served.brain;
      const host = `127.0.0.1:${port}`;
      const post = (headers: Record<string, string>): Promise<number> =>
        raw(port, "POST", path, { host, cookie, ...headers });
      equal(await post({ "sec-fetch-site": "cross-site" }), 403);
      equal(await post({ "sec-fetch-site": "same-site" }), 403);
      equal(await post({ "sec-fetch-site": "none" }), 403);
      equal(await post({ origin: "http://evil.test" }), 403);
      equal(await post({ origin: "null" }), 403);
      equal(await post({}), 403);
      equal(await post({ "sec-fetch-site": "cross-site", origin: `http://${host}` }), 403);
    });
  }

  it("lets a session change things from its own origin", async () => {
    const { port } = served.brain;
    const host = `localhost:${port}`;
    const path = "/schedules/schedule/trigger";
    equal(await raw(port, "POST", path, { host, cookie, "sec-fetch-site": "same-origin" }), 303);
    equal(await raw(port, "POST", path, { host, cookie, origin: `http://${host}` }), 303);
  });

  it("answers 421 to a foreign Host on every kind of route", async () => {
    const { port } = served.brain;
    for (
      const host of ["evil.test", `evil.test:${port}`, "127.0.0.1:1", `127.0.0.1.evil.test:${port}`]
    ) {
      for (const path of ["/", "/api/v1/health", "/sign-in?token=x", `${P}/tasks`]) {
        equal(await raw(port, "GET", path, { host, cookie }), 421, `${host} ${path}`);
      }
    }
    equal(await raw(port, "GET", "/", { host: `LOCALHOST:${port}`, cookie }), 200);
  });

  it("answers health without credentials", async () => {
    equal(await status("/api/v1/health"), 200);
  });

  it("puts the security headers on pages, data and refusals", async () => {
    for (const init of [{ headers: { cookie } }, {}]) {
      const { headers, body } = await fetch(`${served.brain.baseUrl}/`, init);
      await body?.cancel();
      match(headers.get("content-security-policy") ?? "", /default-src 'self'/);
      match(headers.get("content-security-policy") ?? "", /frame-ancestors 'none'/);
      equal(headers.get("content-security-policy")?.includes("unsafe"), false);
      equal(headers.get("x-content-type-options"), "nosniff");
      equal(headers.get("cache-control"), "no-store");
      equal(headers.get("access-control-allow-origin"), null);
    }
  });

  it("refuses a body above 64 KiB, also without a declared length", async () => {
    const body = JSON.stringify({ name: "x".repeat(70_000) });
    const headers = { "content-type": "application/json" };
    equal((await served.call(`${P}/agents`, { method: "POST", headers, body })).status, 413);
    const stream = new Blob([body]).stream();
    const init = { method: "POST", headers, body: stream, duplex: "half" } as RequestInit;
    equal((await served.call(`${P}/agents`, init)).status, 413);
  });

  it("issues a new sign-in link to the API token", async () => {
    const response = await served.call("/api/v1/sign-in-links", { method: "POST" });
    equal(response.status, 201);
    const { sign_in_url: url } = await response.json() as { sign_in_url: string };
    const first = await fetch(url, { redirect: "manual" });
    equal(first.status, 303);
    const set = first.headers.get("set-cookie") ?? "";
    match(set, /HttpOnly/);
    match(set, /SameSite=Strict/);
    await first.body?.cancel();
    const second = await fetch(url, { redirect: "manual" });
    await second.body?.cancel();
    equal(second.status, 401);
  });

  it("ends the session at sign-out", async () => {
    const { port } = served.brain;
    const { sign_in_url: url } =
      await (await served.call("/api/v1/sign-in-links", { method: "POST" }))
        .json() as { sign_in_url: string };
    const response = await fetch(url, { redirect: "manual" });
    await response.body?.cancel();
    const mine = (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const host = `127.0.0.1:${port}`;
    equal(await raw(port, "GET", "/", { host, cookie: mine }), 200);
    const out = { host, cookie: mine, "sec-fetch-site": "same-origin" };
    equal(await raw(port, "POST", "/sign-out", out), 303);
    equal(await raw(port, "GET", "/", { host, cookie: mine }), 401);
    equal(await raw(port, "GET", "/", { host, cookie }), 200);
  });
});

describe("createAuth()", () => {
  it("trades a sign-in token once", async () => {
    const auth = await createAuth(newApiToken(), systemClock);
    const token = await auth.issueSignIn();
    equal((await auth.signIn("")).kind, "refused");
    const outcome = await auth.signIn(token);
    equal(outcome.kind === "signed_in" && await auth.hasSession(outcome.session), true);
    equal((await auth.signIn(token)).kind, "refused");
  });

  it("refuses a link that is older than its time or replaced", async () => {
    let now = 1_000;
    const auth = await createAuth(newApiToken(), { ...systemClock, now: () => now });
    const replaced = await auth.issueSignIn();
    const late = await auth.issueSignIn();
    equal((await auth.signIn(replaced)).kind, "refused");
    now += SIGN_IN_LINK_MS;
    equal((await auth.signIn(late)).kind, "refused");
  });

  it("throttles after many failures, also for the right token", async () => {
    const auth = await createAuth(newApiToken(), systemClock);
    const token = await auth.issueSignIn();
    for (let i = 0; i < MAX_SIGN_IN_FAILURES; i++) await auth.signIn(`wrong-${i}`);
    deepEqual(await auth.signIn(token), { kind: "throttled" });
  });

  it("knows its API token and no other", async () => {
    const token = newApiToken();
    const auth = await createAuth(token, systemClock);
    equal(await auth.isApiToken(token), true);
    equal(await auth.isApiToken(newApiToken()), false);
    equal(await auth.isApiToken(""), false);
    equal(looksLikeApiToken(token), true);
    equal(looksLikeApiToken("z4jb_short"), false);
    notEqual(newApiToken(), token);
  });
});
