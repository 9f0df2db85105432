/** What a code says, and what helps. */
export interface CodeFacts {
  /** What is the case, in a few words. */
  readonly meaning: string;
  /** The setting or the command that mends it, in one sentence. */
  readonly remedy: string;
}

/** One of the doctor's codes. */
export type DoctorCode =
  | "Z4J_DOCTOR_DISABLED"
  | "Z4J_DOCTOR_AUTOSTART_OFF"
  | "Z4J_DOCTOR_SETTINGS_MISSING"
  | "Z4J_DOCTOR_SETTINGS_INVALID"
  | "Z4J_DOCTOR_SETTINGS_INSECURE"
  | "Z4J_DOCTOR_SETTINGS_UNREADABLE"
  | "Z4J_DOCTOR_SETTINGS_UNKNOWN"
  | "Z4J_DOCTOR_PERMISSION_ENV"
  | "Z4J_DOCTOR_PERMISSION_NET"
  | "Z4J_DOCTOR_PERMISSION_READ"
  | "Z4J_DOCTOR_PERMISSION_WRITE"
  | "Z4J_DOCTOR_PERMISSION_SYS"
  | "Z4J_DOCTOR_HOME_OPEN"
  | "Z4J_DOCTOR_HOME_OWNER"
  | "Z4J_DOCTOR_BUFFER_FALLBACK"
  | "Z4J_DOCTOR_BUFFER_MEMORY"
  | "Z4J_DOCTOR_BUFFER_VOLATILE"
  | "Z4J_DOCTOR_BUFFER_PATH_REJECTED"
  | "Z4J_DOCTOR_BUFFER_UNUSABLE"
  | "Z4J_DOCTOR_DISK_FULL"
  | "Z4J_DOCTOR_DISK_LOW"
  | "Z4J_DOCTOR_DISK_REMOTE"
  | "Z4J_DOCTOR_DNS_NOT_FOUND"
  | "Z4J_DOCTOR_DNS_UNAVAILABLE"
  | "Z4J_DOCTOR_TCP_REFUSED"
  | "Z4J_DOCTOR_TCP_TIMEOUT"
  | "Z4J_DOCTOR_TCP_UNREACHABLE"
  | "Z4J_DOCTOR_TLS_UNKNOWN_CA"
  | "Z4J_DOCTOR_TLS_SELF_SIGNED"
  | "Z4J_DOCTOR_TLS_EXPIRED"
  | "Z4J_DOCTOR_TLS_NOT_YET_VALID"
  | "Z4J_DOCTOR_TLS_CLOCK"
  | "Z4J_DOCTOR_TLS_WRONG_NAME"
  | "Z4J_DOCTOR_TLS_EXPIRES_SOON"
  | "Z4J_DOCTOR_TLS_H2_ONLY"
  | "Z4J_DOCTOR_TLS_NOT_TLS"
  | "Z4J_DOCTOR_TLS_HANDSHAKE"
  | "Z4J_DOCTOR_CA_INVALID"
  | "Z4J_DOCTOR_PROXY_INVALID"
  | "Z4J_DOCTOR_NETWORK_UNSUPPORTED"
  | "Z4J_DOCTOR_PROXY_CREDENTIALS"
  | "Z4J_DOCTOR_PROXY_REFUSED"
  | "Z4J_DOCTOR_HTTP_NOT_BRAIN"
  | "Z4J_DOCTOR_HTTP_UNAVAILABLE"
  | "Z4J_DOCTOR_HTTP_REDIRECT"
  | "Z4J_DOCTOR_HTTP_REFUSED"
  | "Z4J_DOCTOR_HTTP_NO_ANSWER"
  | "Z4J_DOCTOR_WEBSOCKET_BLOCKED"
  | "Z4J_DOCTOR_LONGPOLL_BLOCKED"
  | "Z4J_DOCTOR_TOKEN_REFUSED"
  | "Z4J_DOCTOR_TOKEN_REVOKED"
  | "Z4J_DOCTOR_PROJECT_ARCHIVED"
  | "Z4J_DOCTOR_ADDRESS_DENIED"
  | "Z4J_DOCTOR_RATE_LIMITED"
  | "Z4J_DOCTOR_SECRET_WRONG"
  | "Z4J_DOCTOR_SECRET_UNPROVED"
  | "Z4J_DOCTOR_CLOCK_SKEW"
  | "Z4J_DOCTOR_CLOCK_DRIFT"
  | "Z4J_DOCTOR_PROTOCOL_MISMATCH"
  | "Z4J_DOCTOR_WORKER_CAP"
  | "Z4J_DOCTOR_HANDSHAKE_FAILED"
  | "Z4J_DOCTOR_PROJECT_MISMATCH"
  | "Z4J_DOCTOR_EVENT_REFUSED"
  | "Z4J_DOCTOR_AGENT_DISCONNECTED"
  | "Z4J_DOCTOR_AGENT_DUPLICATE"
  | "Z4J_DOCTOR_BUFFER_ORPHANS"
  | "Z4J_DOCTOR_BUFFER_DAMAGED"
  | "Z4J_DOCTOR_BUFFER_FOREIGN"
  | "Z4J_DOCTOR_ENGINE_LINT"
  | "Z4J_DOCTOR_TIMEOUT"
  | "Z4J_DOCTOR_INTERNAL";

const code = (meaning: string, remedy: string): CodeFacts => ({ meaning, remedy });

/**
 * Every code that the doctor may give. Codes are stable: branch on them, never
 * on texts. `docs/doctor.md` lists them from this table.
 */
export const CODES: Readonly<Record<DoctorCode, CodeFacts>> = {
  Z4J_DOCTOR_DISABLED: code(
    "the agent is switched off",
    "Unset Z4J_DISABLED (option disabled) in the environment of the service.",
  ),
  Z4J_DOCTOR_AUTOSTART_OFF: code(
    "the agent does not start by itself",
    "Call agent.start(), or unset Z4J_AUTOSTART (option autostart).",
  ),
  Z4J_DOCTOR_SETTINGS_MISSING: code(
    "a required setting is not given, such as `hmac_secret is required`",
    "Set the variable that the line names; the agent-mint dialog of the dashboard shows token and " +
      "secret together, and the first-boot setup token is not an agent token.",
  ),
  Z4J_DOCTOR_SETTINGS_INVALID: code(
    "a setting has a value of the wrong form",
    "Correct the variable or option that the line names; it says what is expected.",
  ),
  Z4J_DOCTOR_SETTINGS_INSECURE: code(
    "`refusing plain ws:// connection`: the brain is on another host without TLS",
    "Use https:// in Z4J_BRAIN_URL, or set Z4J_DEV_MODE=true on a trusted network.",
  ),
  Z4J_DOCTOR_SETTINGS_UNREADABLE: code(
    "a file that holds a secret cannot be read",
    "Let the user of the service read the file that Z4J_TOKEN_FILE or Z4J_HMAC_SECRET_FILE names.",
  ),
  Z4J_DOCTOR_SETTINGS_UNKNOWN: code(
    "a Z4J_* variable that nothing reads",
    "Correct its name as the line suggests, or remove it.",
  ),
  Z4J_DOCTOR_PERMISSION_ENV: code(
    "Deno may not read the variables of the agent",
    "Run with the --allow-env of the permissions line (`--permissions` prints it).",
  ),
  Z4J_DOCTOR_PERMISSION_NET: code(
    "Deno may not reach the brain",
    "Run with the --allow-net of the permissions line (`--permissions` prints it).",
  ),
  Z4J_DOCTOR_PERMISSION_READ: code(
    "Deno may not read the directory of the agent",
    "Run with the --allow-read of the permissions line (`--permissions` prints it).",
  ),
  Z4J_DOCTOR_PERMISSION_WRITE: code(
    "Deno may not write to the directory of the agent",
    "Run with the --allow-write of the permissions line (`--permissions` prints it).",
  ),
  Z4J_DOCTOR_PERMISSION_SYS: code(
    "Deno may not tell the host name, so the dashboard shows unknown-host",
    "Run with --allow-sys=hostname.",
  ),
  Z4J_DOCTOR_HOME_OPEN: code(
    "other users may write to the directory of the agent",
    "Run chmod 700 on the directory.",
  ),
  Z4J_DOCTOR_HOME_OWNER: code(
    "the directory of the agent belongs to another user",
    "Run the doctor as the user of the service, or chown the directory to it.",
  ),
  Z4J_DOCTOR_BUFFER_FALLBACK: code(
    "the directory of the agent cannot be written to; the buffer is in the temporary directory",
    "Set Z4J_HOME to a directory that the service may write to, or chown it to the service's user.",
  ),
  Z4J_DOCTOR_BUFFER_MEMORY: code(
    "no directory can be used, so events wait in memory and die with the process",
    "Set Z4J_HOME to a directory that the service may write to, or choose Z4J_BUFFER_STORE.",
  ),
  Z4J_DOCTOR_BUFFER_VOLATILE: code(
    "events wait in memory because Z4J_BUFFER_STORE says so",
    "Set Z4J_BUFFER_STORE=sqlite where there is a disk, so that events outlive the process.",
  ),
  Z4J_DOCTOR_BUFFER_PATH_REJECTED: code(
    "the configured buffer file leads out of the allowed directories",
    "Set Z4J_BUFFER_PATH to a file inside Z4J_HOME or $TMPDIR/z4j-{uid}, or unset it.",
  ),
  Z4J_DOCTOR_BUFFER_UNUSABLE: code(
    "the directory takes files, but no buffer can be opened in it",
    "Set Z4J_HOME to a local file system that supports file locks.",
  ),
  Z4J_DOCTOR_DISK_FULL: code(
    "the disk of the buffer is full",
    "Free space there, or set Z4J_HOME to another disk.",
  ),
  Z4J_DOCTOR_DISK_LOW: code(
    "the disk has less room than the buffer may need",
    "Free space there, or lower Z4J_BUFFER_MAX_BYTES.",
  ),
  Z4J_DOCTOR_DISK_REMOTE: code(
    "the buffer is on a network or shared file system, where it works slower and less safely",
    "Set Z4J_HOME to a local disk or a named volume.",
  ),
  Z4J_DOCTOR_DNS_NOT_FOUND: code(
    "the name of the brain does not exist",
    "Correct the host in Z4J_BRAIN_URL, or the DNS entry.",
  ),
  Z4J_DOCTOR_DNS_UNAVAILABLE: code(
    "the name service does not answer",
    "Check /etc/resolv.conf, or the DNS of the container or network.",
  ),
  Z4J_DOCTOR_TCP_REFUSED: code(
    "nothing listens at the port of the brain",
    "Start the brain, or correct host and port in Z4J_BRAIN_URL.",
  ),
  Z4J_DOCTOR_TCP_TIMEOUT: code(
    "nothing answers at the port of the brain, as behind a firewall that drops packets",
    "Let the firewall or security group pass outgoing connections to the brain, or correct the port.",
  ),
  Z4J_DOCTOR_TCP_UNREACHABLE: code(
    "no connection to the brain can be made",
    "Check the route to the brain: network, VPN, address family.",
  ),
  Z4J_DOCTOR_TLS_UNKNOWN_CA: code(
    "the certificate of the brain comes from a CA that this runtime does not know",
    "Set Z4J_CA to the PEM file of that CA.",
  ),
  Z4J_DOCTOR_TLS_SELF_SIGNED: code(
    "the certificate of the brain signed itself",
    "Set Z4J_CA to that certificate, or give the brain one of a CA.",
  ),
  Z4J_DOCTOR_TLS_EXPIRED: code(
    "the certificate of the brain has expired",
    "Renew the certificate of the brain.",
  ),
  Z4J_DOCTOR_TLS_NOT_YET_VALID: code(
    "the certificate of the brain is not valid yet",
    "Wait until it is, or issue it anew.",
  ),
  Z4J_DOCTOR_TLS_CLOCK: code(
    "the certificate is good by the brain's clock and not by this machine's",
    "Set the clock of this machine: run timedatectl set-ntp true, or mend the host of the container.",
  ),
  Z4J_DOCTOR_TLS_WRONG_NAME: code(
    "the certificate of the brain is for another name",
    "Use a name of the certificate in Z4J_BRAIN_URL, or issue one for this host.",
  ),
  Z4J_DOCTOR_TLS_EXPIRES_SOON: code(
    "the certificate of the brain expires within two weeks",
    "Renew the certificate of the brain.",
  ),
  Z4J_DOCTOR_TLS_H2_ONLY: code(
    "what ends TLS before the brain speaks HTTP/2 only, and a WebSocket needs HTTP/1.1",
    "Let the proxy before the brain offer http/1.1 in ALPN too.",
  ),
  Z4J_DOCTOR_TLS_NOT_TLS: code(
    "the port does not speak TLS",
    "Use the port that serves https, or http:// if the brain has none.",
  ),
  Z4J_DOCTOR_TLS_HANDSHAKE: code(
    "the TLS handshake failed",
    "Check that the server supports TLS 1.2 or 1.3 and that nothing on the way intercepts it.",
  ),
  Z4J_DOCTOR_CA_INVALID: code(
    "the CA of the settings cannot be used",
    "Set Z4J_CA to PEM text or to a readable file with it.",
  ),
  Z4J_DOCTOR_PROXY_INVALID: code(
    "the proxy of the settings cannot be used",
    "Set Z4J_PROXY to http://host:port, with user:password@ if it asks for them.",
  ),
  Z4J_DOCTOR_NETWORK_UNSUPPORTED: code(
    "this runtime takes CA and proxy from its own variables only",
    "Set NODE_EXTRA_CA_CERTS for a CA, or NODE_USE_ENV_PROXY=1 with HTTPS_PROXY for a proxy.",
  ),
  Z4J_DOCTOR_PROXY_CREDENTIALS: code(
    "the proxy wants credentials, or refuses those it got",
    "Set Z4J_PROXY to http://user:password@host:port.",
  ),
  Z4J_DOCTOR_PROXY_REFUSED: code(
    "the proxy does not give a way to the brain",
    "Allow CONNECT to the brain's host and port in the proxy, or name the host in NO_PROXY.",
  ),
  Z4J_DOCTOR_HTTP_NOT_BRAIN: code(
    "what answers at the brain URL is no z4j brain",
    "Correct host, port and path in Z4J_BRAIN_URL.",
  ),
  Z4J_DOCTOR_HTTP_UNAVAILABLE: code(
    "the brain, or a proxy before it, answers with a server error",
    "Look into the log of the brain and of the proxy before it.",
  ),
  Z4J_DOCTOR_HTTP_REDIRECT: code(
    "the brain URL redirects, and the agent does not follow",
    "Set Z4J_BRAIN_URL to the address that it redirects to.",
  ),
  Z4J_DOCTOR_HTTP_REFUSED: code(
    "the brain, or something before it, refuses requests to this address",
    "Add the host to Z4J_ALLOWED_HOSTS of the brain, or open the path in the proxy before it.",
  ),
  Z4J_DOCTOR_HTTP_NO_ANSWER: code(
    "the connection opens, but no HTTP answer comes",
    "Check that the port is the brain's, and the proxy or load balancer before it.",
  ),
  Z4J_DOCTOR_WEBSOCKET_BLOCKED: code(
    "something on the way does not let the WebSocket upgrade through",
    "Pass the Upgrade and Connection headers in the proxy, or set Z4J_TRANSPORT=longpoll.",
  ),
  Z4J_DOCTOR_LONGPOLL_BLOCKED: code(
    "the long-poll path of the brain does not answer as one",
    "Let /api/v1/agent/* pass in the proxy before the brain, or set Z4J_TRANSPORT=ws.",
  ),
  Z4J_DOCTOR_TOKEN_REFUSED: code(
    "the brain does not know the token, or it was revoked",
    "Mint an agent in the dashboard and set Z4J_TOKEN to its token; the first-boot setup token is " +
      "not one.",
  ),
  Z4J_DOCTOR_TOKEN_REVOKED: code(
    "the token was revoked",
    "Mint a new agent in the dashboard and set Z4J_TOKEN and Z4J_HMAC_SECRET.",
  ),
  Z4J_DOCTOR_PROJECT_ARCHIVED: code(
    "the project of the token is archived",
    "Restore the project in the dashboard, or mint an agent in another one.",
  ),
  Z4J_DOCTOR_ADDRESS_DENIED: code(
    "the brain does not admit the address of this machine",
    "Add the address to Z4J_AGENT_IP_ALLOWLIST of the brain.",
  ),
  Z4J_DOCTOR_RATE_LIMITED: code(
    "too many connection attempts from this address within a minute",
    "Wait a minute, and stop what reconnects in a loop from this address.",
  ),
  Z4J_DOCTOR_SECRET_WRONG: code(
    "the token is good, but the brain refuses the signature",
    "Set Z4J_HMAC_SECRET to the secret that the mint dialog shows with this token; after a rotation " +
      "of the brain's secret, mint again.",
  ),
  Z4J_DOCTOR_SECRET_UNPROVED: code(
    "the secret is not proved, as long-poll does not answer and no hello may be sent",
    "Run again with --handshake while no other agent uses this token, or open the long-poll path.",
  ),
  Z4J_DOCTOR_CLOCK_SKEW: code(
    "the clock of this machine is more than 60 s off, so the brain refuses every frame (4403)",
    "Set the clock: run timedatectl set-ntp true, or mend the host of the container.",
  ),
  Z4J_DOCTOR_CLOCK_DRIFT: code(
    "the clock of this machine drifts towards the limit of 60 s",
    "Set the clock: run timedatectl set-ntp true, or mend the host of the container.",
  ),
  Z4J_DOCTOR_PROTOCOL_MISMATCH: code(
    "the brain does not speak protocol version 2",
    "Upgrade the older of agent and brain.",
  ),
  Z4J_DOCTOR_WORKER_CAP: code(
    "as many workers as the brain admits are connected with this token",
    "Mint a second agent for further processes, or raise the limit of the brain.",
  ),
  Z4J_DOCTOR_HANDSHAKE_FAILED: code(
    "the brain did not take the session",
    "Look into the log of the brain; the line tells how it ended the session.",
  ),
  Z4J_DOCTOR_PROJECT_MISMATCH: code(
    "Z4J_PROJECT_ID is not the project of the token, which the brain goes by",
    "Set Z4J_PROJECT_ID to the project of the token, or Z4J_TOKEN to a token of that project.",
  ),
  Z4J_DOCTOR_EVENT_REFUSED: code(
    "the brain did not take a probe event",
    "Look into the log of the brain; with --no-round-trip the doctor leaves this out.",
  ),
  Z4J_DOCTOR_AGENT_DISCONNECTED: code(
    "an agent runs here and is not connected",
    "Mend what the other lines name, then run z4j reconnect.",
  ),
  Z4J_DOCTOR_AGENT_DUPLICATE: code(
    "two processes take each other's place (`connection closed during send: received 4002`)",
    "Mint a second agent for the second process, or leave the worker id to the agent.",
  ),
  Z4J_DOCTOR_BUFFER_ORPHANS: code(
    "events of processes that have ended wait in this home",
    "Start the agent, which adopts them, or run z4j buffer drain.",
  ),
  Z4J_DOCTOR_BUFFER_DAMAGED: code(
    "a damaged buffer was set aside",
    "Run z4j buffer recover; what is readable in it is sent.",
  ),
  Z4J_DOCTOR_BUFFER_FOREIGN: code(
    "a buffer of another project is kept here and not sent",
    "Start an agent of that project with this home, or run z4j buffer export and remove the file.",
  ),
  Z4J_DOCTOR_ENGINE_LINT: code(
    "an engine reports a risk in its set-up",
    "Do what the line says; the finding has a code of its own.",
  ),
  Z4J_DOCTOR_TIMEOUT: code(
    "a probe did not end in time",
    "Run again with a longer --timeout; if it stays, look at the line before it.",
  ),
  Z4J_DOCTOR_INTERNAL: code(
    "a probe itself failed, which is a fault of the doctor",
    "Report it with the output of --json --verbose, which holds no secret.",
  ),
};
