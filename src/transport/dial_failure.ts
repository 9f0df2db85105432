import type { FailureClass, SessionEnd } from "./port.ts";

interface DialRule {
  readonly pattern: RegExp;
  readonly class: FailureClass;
  readonly advice: string;
}

// Failed dials carry close code 0 on Deno and 1006 on Bun; only the text of the
// error event tells more, and the runtimes word it differently.
const RULES: readonly DialRule[] = [
  {
    pattern: /NotCapable|PermissionDenied|requires net access/i,
    class: "connection",
    advice: "the runtime forbids network access; grant it, for example with --allow-net",
  },
  {
    pattern: /unknownissuer|self.signed|unable to (get|verify)|certificate/i,
    class: "connection",
    advice: "the certificate of the brain is not trusted; check the host name, the chain and the " +
      "CA settings of the runtime",
  },
  {
    pattern: /tls|ssl|alpn|NoApplicationProtocol|InvalidContentType|corrupt message/i,
    class: "connection",
    advice: "the TLS handshake failed; check that the address speaks https and that no proxy " +
      "intercepts it",
  },
  {
    pattern: /dns|ENOTFOUND|EAI_AGAIN|name resolution|lookup/i,
    class: "connection",
    advice: "the host name of the brain cannot be resolved; check the brain URL and DNS",
  },
  {
    pattern: /refused|ECONNREFUSED|tcp connect error|failed to connect|unreachable/i,
    class: "connection",
    advice: "the brain cannot be reached; check that it runs and that host and port are right",
  },
];

/** Turns the text of a failed dial into one taxonomy for all runtimes. */
export function describeDialFailure(message: string): SessionEnd {
  const status = /status code:?\s*(\d{3})/i.exec(message)?.[1];
  if (status !== undefined) return describeHttpRefusal(Number(status));
  const text = message.replace(/WebSocket connection to '[^']*'/, "");
  const rule = RULES.find((candidate) => candidate.pattern.test(text));
  return {
    class: rule?.class ?? "connection",
    code: null,
    advice: rule?.advice ?? "the connection to the brain could not be opened",
  };
}

function describeHttpRefusal(status: number): SessionEnd {
  const end = (of: FailureClass, advice: string): SessionEnd => ({
    class: of,
    code: status,
    advice: `the upgrade was answered with HTTP ${status}: ${advice}`,
  });
  if (status === 401) return end("auth", "the token was refused; check or renew it");
  if (status === 403) return end("auth", "access is forbidden; check address rules and token");
  if (status === 407) return end("connection", "a proxy wants credentials");
  if (status === 404) return end("connection", "no brain at this address; check the brain URL");
  if (status === 429) return end("connection", "too many connection attempts");
  if (status >= 500) return end("connection", "the brain or a proxy before it is unavailable");
  return end("connection", "something between here and the brain does not let WebSockets through");
}
