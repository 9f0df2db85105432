import type { Answer } from "../brain_http.ts";
import { routeOf } from "../context.ts";
import { fail, type Finding, ok, type Probe } from "../probe.ts";
import { silenced } from "./proxy.ts";

/** Whether a z4j brain answers over HTTP, and which. */
export const httpProbe: Probe = {
  id: "http",
  title: "brain over HTTP",
  needs: ["tcp", "tls"],
  async run(context) {
    const left = silenced(context);
    if (left !== null) return left;
    const answer = await context.health();
    const { brainUrl } = routeOf(context);
    return answer.kind === "silence" ? noAnswer(answer) : judge(answer, brainUrl);
  },
};

type Spoken = Extract<Answer, { readonly kind: "answer" }>;

function noAnswer({ detail, isForbidden }: Extract<Answer, { readonly kind: "silence" }>): Finding {
  if (isForbidden) return fail("Z4J_DOCTOR_PERMISSION_NET", detail);
  return /certificate|UnknownIssuer|CERT_/i.test(detail)
    ? fail("Z4J_DOCTOR_TLS_UNKNOWN_CA", detail)
    : fail("Z4J_DOCTOR_HTTP_NO_ANSWER", detail);
}

function judge({ status, json, headers }: Spoken, brainUrl: string): Finding {
  const facts = { status };
  const what = `${brainUrl}/api/v1/health answered HTTP ${status}`;
  if (status === 200 && typeof json?.["status"] === "string") return recognised(json, brainUrl);
  if (status >= 300 && status < 400) {
    const to = addressOf(headers.get("location"), brainUrl);
    return fail("Z4J_DOCTOR_HTTP_REDIRECT", `${what} and points to ${to}`, { facts });
  }
  if (status === 407) return fail("Z4J_DOCTOR_PROXY_CREDENTIALS", what, { facts });
  if (status === 429) return fail("Z4J_DOCTOR_RATE_LIMITED", what, { facts });
  if (status >= 500) return fail("Z4J_DOCTOR_HTTP_UNAVAILABLE", what, { facts });
  if (json !== null && [400, 403, 421].includes(status)) {
    return fail("Z4J_DOCTOR_HTTP_REFUSED", what, { facts });
  }
  const detail = status === 200 ? `${what}, but not as a brain does` : what;
  return fail("Z4J_DOCTOR_HTTP_NOT_BRAIN", detail, { facts });
}

/** Where a redirect leads, without user information and query. */
function addressOf(location: string | null, base: string): string {
  if (location === null || !URL.canParse(location, base)) return "elsewhere";
  const { origin, pathname } = new URL(location, base);
  return `${origin}${pathname}`.slice(0, 200);
}

function recognised(json: NonNullable<Spoken["json"]>, brainUrl: string): Finding {
  const told = json["version"];
  const version = typeof told === "string" ? told.slice(0, 40) : null;
  const suffix = version === null ? "" : `, version ${version}`;
  return ok(`a z4j brain answers at ${brainUrl}/${suffix}`, { version });
}
