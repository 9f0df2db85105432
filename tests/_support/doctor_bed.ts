import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBrain } from "../../src/brain/serve.ts";
import { startServer } from "../../src/platform/serve.ts";
import { once } from "../../src/base/once.ts";
import { startStockBrain } from "./stock_brain.ts";

/** Settings of an agent as variables. */
export type AgentEnv = Readonly<Record<string, string>>;

/** A minted agent. */
export interface BedAgent {
  readonly id: string;
  readonly env: AgentEnv;
}

/** A brain of either kind, as the stages need it. */
export interface BedBrain {
  readonly kind: "embedded" | "stock";
  readonly port: number;
  readonly baseUrl: string;
  /** Whether an agent is online, and what it announces. */
  agent(id: string): Promise<{ readonly engines: readonly string[]; readonly state: string }>;
  mint(): Promise<BedAgent>;
  /** Mints in a project of its own, which `archive` then ends. */
  mintElsewhere(): Promise<BedAgent & { archive(): Promise<void> }>;
  revoke(id: string): Promise<void>;
  /** Ends it without a word; nothing answers from then on. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** The embedded brain, in this process and in memory; it takes any port in `Host`. */
export async function embeddedBed(): Promise<BedBrain> {
  const brain = await createBrain({ dataDir: null });
  const { fetch, upgrade } = brain;
  const maxMessageBytes = 16 * 1024 * 1024;
  const server = await startServer({
    hostname: "127.0.0.1",
    port: 0,
    maxMessageBytes,
    fetch,
    upgrade,
  });
  const baseUrl = `http://127.0.0.1:${server.port}`;
  const close = once(async () => {
    await brain.close();
    await server.close();
  });
  const mint = async (projectId: string, slug: string): Promise<BedAgent> => {
    const { agent, token, hmacSecret } = await brain.operator.mintAgent(projectId, name());
    return { id: agent.id, env: envOf(baseUrl, token, hmacSecret, slug) };
  };
  return {
    kind: "embedded",
    port: server.port,
    baseUrl,
    agent(id) {
      const row = brain.reader.agent(brain.project.id, id);
      return Promise.resolve({ engines: row?.engines ?? [], state: row?.state ?? "gone" });
    },
    mint: () => mint(brain.project.id, brain.project.slug),
    async mintElsewhere() {
      const project = brain.operator.createProject(name(), "Elsewhere");
      const minted = await mint(project.id, project.slug);
      const archive = (): Promise<void> => {
        brain.operator.archiveProject(project.slug);
        return Promise.resolve();
      };
      return { ...minted, archive };
    },
    revoke(id) {
      brain.operator.revokeAgent(brain.project.id, id);
      return Promise.resolve();
    },
    kill: close,
    close,
  };
}

interface MintAnswer {
  readonly agent: { readonly id: string };
  readonly token: string;
  readonly hmac_secret: string;
}

interface AgentAnswer {
  readonly id: string;
  readonly engine_adapters: readonly string[];
  readonly state: string;
}

/** The stock brain, in a process of its own. */
export async function stockBed(): Promise<BedBrain> {
  const brain = await startStockBrain(["first"]);
  let killed = false;
  const mint = async (slug: string): Promise<BedAgent> => {
    const { status, body } = await brain.post(`/api/v1/projects/${slug}/agents`, { name: name() });
    if (status !== 201) throw new Error(`minting: ${status} ${JSON.stringify(body)}`);
    const { agent, token, hmac_secret: secret } = body as MintAnswer;
    return { id: agent.id, env: envOf(brain.baseUrl, token, secret, slug) };
  };
  return {
    kind: "stock",
    port: Number(new URL(brain.baseUrl).port),
    baseUrl: brain.baseUrl,
    async agent(id) {
      const rows = await brain.get<AgentAnswer[]>("agents");
      const row = rows.find((one) => one.id === id);
      return { engines: row?.engine_adapters ?? [], state: row?.state ?? "gone" };
    },
    mint: () => mint(brain.slug),
    async mintElsewhere() {
      const slug = name();
      await brain.post("/api/v1/projects", { slug, name: slug });
      const minted = await mint(slug);
      return { ...minted, archive: () => brain.remove(`/api/v1/projects/${slug}`) };
    },
    revoke: (id) => brain.remove(`/api/v1/projects/${brain.slug}/agents/${id}`),
    async kill() {
      killed = true;
      await brain.kill();
    },
    async close() {
      // Its control only ends what runs.
      if (killed) await brain.start();
      await brain.close();
    },
  };
}

function envOf(baseUrl: string, token: string, hmacSecret: string, slug: string): AgentEnv {
  return {
    Z4J_BRAIN_URL: baseUrl,
    Z4J_TOKEN: token,
    Z4J_HMAC_SECRET: hmacSecret,
    Z4J_PROJECT_ID: slug,
  };
}

function name(): string {
  return `a-${crypto.randomUUID().slice(0, 13)}`;
}

/** A folder that goes with the test. */
export function scratch(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "z4j-doctor-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
