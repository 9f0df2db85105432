import { Hono } from "hono";
import { setCookie } from "hono/cookie";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { createApi } from "./api.ts";
import { accessGuard, cookieName, hostGuard, secureHeaders } from "./auth_guard.ts";
import { SESSION_MS } from "./auth_limits.ts";
import { type HttpContext, type HttpEnv, type HttpParts, HttpRefusal } from "./http_env.ts";
import { refusalPage } from "./ui/refusal_page.ts";
import { createPages } from "./ui/routes.ts";

/** Everything that the brain answers over HTTP, apart from agent sockets. */
export function createHttp(parts: HttpParts, logger: Logger): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.use(secureHeaders(), hostGuard(parts));
  const { agentHttp } = parts;
  if (agentHttp !== undefined) {
    // Agents show their own token, which the guard of API and page does not know.
    app.all("/api/v1/agent/*", (c) => agentHttp.handle(c.req.raw, c.env));
  }
  app.use(accessGuard(parts));
  app.get("/sign-in", (c) => signIn(c, parts));
  app.route("/api/v1", createApi(parts));
  app.route("/", createPages(parts));
  app.notFound((c) => refuse(c, 404, "nothing is here"));
  app.onError((error, c) => {
    if (error instanceof HttpRefusal) return refuse(c, error.status, error.message);
    logger.error({ path: c.req.path, error: errorText(error) }, "a request failed");
    return refuse(c, 500, "the brain failed to answer; its log says why");
  });
  return app;
}

async function signIn(c: HttpContext, parts: HttpParts): Promise<Response> {
  const outcome = await parts.auth.signIn(c.req.query("token") ?? "");
  if (outcome.kind === "throttled") {
    throw new HttpRefusal(429, "too many failed sign-ins; wait a minute");
  }
  if (outcome.kind === "refused") {
    throw new HttpRefusal(401, "this sign-in link was used already or has expired");
  }
  setCookie(c, cookieName(parts), outcome.session, {
    httpOnly: true,
    sameSite: "Strict",
    path: "/",
    maxAge: SESSION_MS / 1_000,
  });
  return c.redirect("/", 303);
}

function refuse(
  c: HttpContext,
  status: HttpRefusal["status"] | 500,
  detail: string,
): Response {
  const wantsPage = !c.req.path.startsWith("/api/") &&
    (c.req.header("accept") ?? "").includes("text/html");
  if (!wantsPage) return c.json({ detail }, status);
  return c.html(refusalPage(status, detail), status);
}
