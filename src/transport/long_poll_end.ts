import type { HttpAnswer } from "./long_poll_http.ts";
import type { FailureClass, SessionEnd } from "./port.ts";

// 403 with one of these means the credentials; any other comes from a proxy (protocol section 22.6).
const FORBIDDEN: Readonly<Record<string, string>> = {
  project_inactive: "the project is archived; mint an agent in another one",
  ip_denied: "the brain does not admit this network address; add it to its allow-list",
};

// The close code with the same meaning, for which the agent has its own schedule.
const TOO_MANY = 4429;
// A frame that is too large, or that the brain cannot read (protocol section 3).
const TOO_BIG = 1009;
const MALFORMED = 4400;

/** What an answer that is not a success means for the session. */
export function endOfAnswer(answer: HttpAnswer): SessionEnd {
  if (answer.kind === "silence") {
    return end(
      "connection",
      null,
      `the brain cannot be reached over HTTP: ${short(answer.message)}`,
    );
  }
  const { status, body } = answer;
  if (status === 401) {
    return end(
      "auth",
      401,
      "the token was refused; check Z4J_TOKEN against the agent on the brain",
    );
  }
  if (status === 403) {
    const advice = FORBIDDEN[String(body["error"])];
    return advice === undefined
      ? end("connection", 403, "something between here and the brain forbids the request")
      : end("auth", 403, advice);
  }
  return endOfStatus(status);
}

function endOfStatus(status: number): SessionEnd {
  if (status === 404 || status === 405) {
    return end("connection", status, "no long-poll endpoint at this address; check the brain URL");
  }
  if (status === 407) return end("connection", 407, "a proxy wants credentials");
  if (status === 409) {
    return end("connection", 409, "the brain forgot this long-poll session; a new one follows");
  }
  if (status === 413) {
    return end(
      "connection",
      TOO_BIG,
      "a body was larger than the brain takes; smaller ones follow",
    );
  }
  if (status === 429) return end("connection", TOO_MANY, "too many requests from this address");
  if (status === 400 || status === 415 || status === 422) {
    return end(
      "connection",
      MALFORMED,
      `the brain refused the content of a request (HTTP ${status})`,
    );
  }
  if (status >= 300 && status < 400) {
    return end("connection", status, "the address redirects; set the brain URL to where it leads");
  }
  return end("connection", status, `the brain or a proxy before it answers HTTP ${status}`);
}

/** Statuses after which the same request may succeed soon (protocol section 22.6). */
export function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** Creates an end. */
export function end(of: FailureClass, code: number | null, advice: string): SessionEnd {
  return { class: of, code, advice };
}

function short(text: string): string {
  return text.replaceAll(/\s+/g, " ").slice(0, 200);
}
