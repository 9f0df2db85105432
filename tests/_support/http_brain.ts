import { systemClock } from "../../src/base/clock.ts";
import { noopLogger } from "../../src/base/logger.ts";
import { newApiToken } from "../../src/brain/auth.ts";
import { assembleBrain } from "../../src/brain/http_brain.ts";
import { listenBrain, type RunningBrain } from "../../src/brain/http_listen.ts";
import { fakeCore, type FakeCoreState } from "./fake_core.ts";

/** A served brain over chosen rows, and how to call it. */
export interface ServedBrain {
  readonly brain: RunningBrain;
  readonly state: FakeCoreState;
  /** Calls with the API token. */
  call(path: string, init?: RequestInit): Promise<Response>;
  /** Posts JSON with the API token. */
  post(path: string, body: unknown): Promise<Response>;
  /** Uses the sign-in link; answers the cookie. */
  signIn(): Promise<string>;
}

/** Serves HTTP over a fake core on a free port of loopback. */
export async function serveFakeBrain(): Promise<ServedBrain> {
  const core = fakeCore();
  const made = await assembleBrain({
    core,
    apiToken: newApiToken(),
    project: "default",
    clock: systemClock,
    logger: noopLogger,
  });
  const brain = await listenBrain(made, "127.0.0.1", 0);
  const authorization = `Bearer ${brain.apiToken}`;
  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${brain.baseUrl}${path}`, {
      ...init,
      headers: { authorization, ...init.headers as Record<string, string> },
    });
  return {
    brain,
    state: core.state,
    call,
    post: (path, body) =>
      call(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    async signIn() {
      const response = await fetch(brain.signInUrl, { redirect: "manual" });
      await response.body?.cancel();
      return (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    },
  };
}
