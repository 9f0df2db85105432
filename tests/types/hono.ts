// Compile-only: the real Hono takes the structural middleware and keeps its types.
import { type Context, Hono } from "hono";
import { routePath } from "hono/route";
import type { Agent } from "../../mod.ts";
import {
  type HonoAgent,
  isLocalRequest,
  z4j,
  z4jRoutes,
  type Z4jVariables,
} from "../../src/web/hono.ts";

declare const agent: HonoAgent & { readonly mine: 42 };

export const app: Hono<{ Variables: Z4jVariables<typeof agent> }> = new Hono();
app.use(z4j(agent));
app.use("/api/*", z4j(agent, { healthPath: "/healthz" }));
app.get("/", (c) => {
  const mine: 42 = c.get("z4j").mine;
  return c.text(`${c.var.z4j.status().state} ${mine}`);
});

export const plain: Hono = new Hono();
plain.use(z4j(agent));

// `identify` sees Hono's context, with or without the type of the program's own.
export const named: Hono<{ Variables: { user: string } }> = new Hono<
  { Variables: { user: string } }
>();
named.use(
  z4j(agent, { identify: (c) => ({ user: c.req.header("x-user"), plan: String(c.get("plan")) }) }),
);
named.use(
  z4j(agent, {
    identify: (c: Context<{ Variables: { user: string } }>) =>
      Promise.resolve({ user: c.var.user }),
    route: routePath,
  }),
);

declare const whole: Agent;
named.get("/_z4j/*", z4jRoutes(whole));
plain.get(
  "/_z4j/*",
  z4jRoutes(whole, { allow: (c, page) => page === "live" || isLocalRequest(c) }),
);
