import net from "node:net";
import { startTls } from "./doctor_peers.ts";
import { brainStage, fails, type Stage, type StageBed, warns } from "./doctor_stages.ts";

const WRONG_TOKEN = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const WRONG_SECRET = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const FINE = { probe: null, code: null, exit: 0 } as const;

const GREEN: readonly Stage[] = [
  brainStage(
    "nothing is wrong",
    { ...FINE, text: /an event was acknowledged/ },
    async (bed) => ({ env: (await bed.agent()).env }),
  ),
  brainStage(
    "nothing is wrong, over TLS of a private CA",
    {
      ...FINE,
      text: /TLS TLSv1\.3 to localhost \(cert CN='localhost', issuer 'Stage CA', \d+ days left\)/,
    },
    async (bed) => ({ env: await tlsEnv(bed, "good") }),
  ),
  brainStage(
    "certificate that expires soon",
    warns("tls", "Z4J_DOCTOR_TLS_EXPIRES_SOON", /4 days left/),
    async (bed) => ({ env: await tlsEnv(bed, "soon") }),
  ),
  brainStage(
    "the brain is offline on purpose",
    { ...FINE, text: /left out \(--no-websocket\)/ },
    async (bed) => ({ env: (await bed.agent()).env, args: ["--no-websocket"] }),
  ),
  brainStage(
    "a full hello on demand",
    { ...FINE, text: /took a session of protocol 2/ },
    async (bed) => ({ env: (await bed.agent()).env, args: ["--handshake"] }),
  ),
];

async function tlsEnv(bed: StageBed, kind: "good" | "soon"): Promise<Record<string, string>> {
  const peer = await startTls(bed.certs.issue(kind), bed.brain.port);
  bed.defer(() => peer.close());
  const { env } = await bed.agent();
  const url = `https://localhost:${peer.port}`;
  return { ...env, Z4J_BRAIN_URL: url, Z4J_CA: bed.certs.caPath };
}

const CREDENTIALS: readonly Stage[] = [
  brainStage(
    "wrong token",
    fails("token", "Z4J_DOCTOR_TOKEN_REFUSED", /close code 4401/),
    async (bed) => ({ env: { ...(await bed.agent()).env, Z4J_TOKEN: WRONG_TOKEN } }),
  ),
  brainStage(
    "revoked token",
    // Only the embedded brain tells that it was ever good.
    fails("token", ["Z4J_DOCTOR_TOKEN_REVOKED", "Z4J_DOCTOR_TOKEN_REFUSED"], /revoked/),
    async (bed) => {
      const agent = await bed.agent();
      await bed.brain.revoke(agent.id);
      return { env: agent.env };
    },
  ),
  brainStage(
    "archived project",
    fails("token", "Z4J_DOCTOR_PROJECT_ARCHIVED", /its project is archived/),
    async (bed) => {
      const { env, archive } = await bed.brain.mintElsewhere();
      await archive();
      return { env: { ...env, Z4J_HOME: `${bed.folder}/home` } };
    },
  ),
  brainStage(
    "wrong secret",
    fails("secret", "Z4J_DOCTOR_SECRET_WRONG", /refused the signature/),
    async (bed) => ({ env: { ...(await bed.agent()).env, Z4J_HMAC_SECRET: WRONG_SECRET } }),
  ),
  brainStage(
    "wrong secret and clock 90 s ahead",
    fails("secret", "Z4J_DOCTOR_SECRET_WRONG", /refused the signature/),
    async (bed) => ({
      env: { ...(await bed.agent()).env, Z4J_HMAC_SECRET: WRONG_SECRET },
      skewSeconds: 90,
    }),
  ),
  brainStage(
    "revoked mid-run",
    fails("secret", "Z4J_DOCTOR_TOKEN_REVOKED", /was good a moment ago/),
    async (bed) => {
      const agent = await bed.agent();
      const peer = await startRevoker(bed, agent.id);
      return { env: { ...agent.env, Z4J_BRAIN_URL: `http://127.0.0.1:${peer}` } };
    },
  ),
];

/** A way to the brain on which the agent is revoked before its first frame arrives. */
async function startRevoker(bed: StageBed, id: string): Promise<number> {
  let revoked: Promise<void> | undefined;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect(bed.brain.port, "127.0.0.1");
    for (const end of [client, upstream]) {
      sockets.add(end);
      end.on("error", () => {});
      end.on("close", () => [client, upstream].forEach((other) => other.destroy()));
    }
    client.on("data", async (data) => {
      if (data.toString("latin1").startsWith("POST ")) await (revoked ??= bed.brain.revoke(id));
      upstream.write(data);
    });
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  bed.defer(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as net.AddressInfo).port;
}

const CLOCK: readonly Stage[] = [
  brainStage(
    "clock 90 s ahead",
    fails("clock", "Z4J_DOCTOR_CLOCK_SKEW", /(89|90|91) s ahead of the brain's/),
    async (bed) => ({ env: (await bed.agent()).env, skewSeconds: 90 }),
  ),
  brainStage(
    "clock 90 s behind",
    fails("clock", "Z4J_DOCTOR_CLOCK_SKEW", /(89|90|91) s behind the brain's/),
    async (bed) => ({ env: (await bed.agent()).env, skewSeconds: -90 }),
  ),
  brainStage(
    "clock 40 s ahead",
    warns("clock", "Z4J_DOCTOR_CLOCK_DRIFT", /(39|40|41) s ahead/),
    async (bed) => ({ env: (await bed.agent()).env, skewSeconds: 40 }),
  ),
];

const LIMITS: readonly Stage[] = [
  brainStage(
    "worker cap",
    fails("handshake", "Z4J_DOCTOR_WORKER_CAP", /./),
    async (bed) => {
      const agent = await bed.agent();
      await connectWorkers(bed, agent.env["Z4J_TOKEN"] ?? "", 64);
      return { env: agent.env, args: ["--handshake"] };
    },
  ),
  brainStage(
    "project of another name",
    warns("project", "Z4J_DOCTOR_PROJECT_MISMATCH", /the token is of default/),
    async (bed) => ({ env: { ...(await bed.agent()).env, Z4J_PROJECT_ID: "other" } }),
    // The stock brain does not tell the slug.
    { brain: "embedded" },
  ),
];

/** Fills the places of a token. */
async function connectWorkers(bed: StageBed, token: string, count: number): Promise<void> {
  const url = `${bed.brain.baseUrl.replace("http", "ws")}/ws/agent`;
  const headers = { authorization: `Bearer ${token}` };
  const Socket = WebSocket as unknown as new (
    url: string,
    init: { readonly headers: Record<string, string> },
  ) => WebSocket;
  const sockets = Array.from({ length: count }, () => new Socket(url, { headers }));
  bed.defer(() => sockets.forEach((socket) => socket.close()));
  await Promise.all(sockets.map((socket, index) =>
    new Promise<void>((resolve, reject) => {
      socket.onopen = () =>
        socket.send(JSON.stringify({
          v: 2,
          type: "hello",
          id: `hello_${index}`,
          payload: {
            protocol_version: "2",
            agent_version: "1.13.0",
            framework: "bare",
            worker_id: `worker-${index}`,
          },
        }));
      socket.onmessage = () => resolve();
      socket.onerror = () => reject(new Error("a worker could not connect"));
    })
  ));
}

/** What the brain itself has to say. */
export const BRAIN_STAGES: readonly Stage[] = [...GREEN, ...CREDENTIALS, ...CLOCK, ...LIMITS];

// More than a brain takes from one address in a minute.
const TOO_MANY = 620;

/** What no other stage may follow. */
export const LAST_STAGES: readonly Stage[] = [
  brainStage(
    "too many connections",
    fails("token", "Z4J_DOCTOR_RATE_LIMITED", /no more connections now/),
    async (bed) => {
      const { env } = await bed.agent();
      const headers = { authorization: `Bearer ${env["Z4J_TOKEN"]}`, "x-z4j-session-nonce": "n" };
      for (let sent = 0; sent < TOO_MANY; sent += 20) {
        const ask = async (): Promise<void> =>
          void await (await fetch(
            `${bed.brain.baseUrl}/api/v1/agent/commands?wait=0&max_frames=0`,
            {
              headers,
            },
          )).body?.cancel();
        await Promise.all(Array.from({ length: 20 }, ask));
      }
      return { env };
    },
    // Both count alike; here it takes less than a second.
    { brain: "embedded" },
  ),
  brainStage(
    "brain down",
    fails("tcp", "Z4J_DOCTOR_TCP_REFUSED", /refused/i),
    async (bed) => {
      const { env } = await bed.agent();
      await bed.brain.kill();
      return { env };
    },
  ),
];
