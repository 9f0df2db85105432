import type { Agent, AgentIdentity } from "../agent/agent_types.ts";
import type { Announcement, Announcer } from "../agent/hello.ts";
import type { CarryOut, Neighbour } from "../agent/neighbours.ts";
import type { Clock } from "../base/clock.ts";
import { randomHex } from "../base/ids.ts";
import type { Logger } from "../base/logger.ts";
import { VERSION } from "../base/version.ts";
import type { Platform } from "../platform/port.ts";
import type { PresenceFolder } from "../presence/folder.ts";
import { type AgentPresence, presenceStatus } from "../presence/record.ts";
import { covers, isEmpty, unionOf } from "../presence/union.ts";
import type { PresenceDraft, PresenceWriter } from "../presence/writer.ts";
import type { NeighbourDesk } from "./agent_neighbours.ts";
import type { Settings } from "../settings/settings.ts";

/** The file that shows this agent to its neighbours, and what it learns from theirs. */
export interface AgentPresenceKeeper extends Announcer {
  /** Keeps the file in step with the agent; removes it when the agent stops. */
  watch(agent: Agent): void;
  /** Removes the file. */
  close(): Promise<void>;
}

/** What the keeper is made of. */
export interface KeeperParts {
  /** A proved home, or `null` where there is none; asked when the agent starts. */
  readonly home: () => string | null;
  /** Fingerprint of the token. */
  readonly fingerprint: () => Promise<string>;
  /** The facts of the file as they are now. */
  readonly facts: (agent: Agent) => Omit<
    PresenceDraft,
    "formatVersion" | "tokenFingerprint" | "announces" | "hello" | "takesCommands"
  >;
  readonly pid: number;
  /** Passes commands on to the neighbours, and takes theirs. */
  readonly desk: NeighbourDesk;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Creates a keeper that touches nothing before the agent dials. */
export function createAgentPresence(parts: KeeperParts): AgentPresenceKeeper {
  return new Keeper(parts);
}

interface Opened {
  readonly id: string;
  readonly folder: PresenceFolder;
  readonly writer: PresenceWriter;
  readonly fingerprint: string;
}

// Whoever says hello at the same moment has done so by then.
const SETTLE_MS = 2000;
const NOTHING: Announcement = { engines: [], schedulers: [], capabilities: {} };

class Keeper implements AgentPresenceKeeper {
  readonly #parts: KeeperParts;
  #agent: Agent | undefined;
  #opening: Promise<Opened | null> | undefined;
  #closing: Promise<void> = Promise.resolve();
  #own: Announcement = NOTHING;
  #hello: AgentPresence["hello"] = null;
  #names = "";
  #takesCommands = false;
  #toldAlone = false;
  #renew: () => void = () => {};

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  bind(renew: () => void): void {
    this.#renew = renew;
  }

  serve(carryOut: CarryOut): void {
    this.#parts.desk.serve(carryOut);
  }

  async neighbours(): Promise<readonly Neighbour[]> {
    const opened = await this.#opening;
    if (opened === null || opened === undefined) return [];
    const { folder } = opened;
    // All processes ask in the same order, so that a repeated command meets its first run.
    return (await matesOf(opened))
      .toSorted((a, b) => a.startedAtMs - b.startedAtMs || (a.id < b.id ? -1 : 1))
      .map((mate) => this.#parts.desk.neighbour(mate, folder.socketPath(mate.id)));
  }

  watch(agent: Agent): void {
    this.#agent = agent;
    agent.on("state", ({ to }) => to === "stopped" ? void this.close() : this.#changed());
    agent.on("connected", () => {
      this.#changed();
      this.#parts.clock.setTimer(() => void this.#settle(true), SETTLE_MS);
    });
    agent.on("loss", () => this.#changed());
  }

  async agree(own: Announcement): Promise<Announcement> {
    this.#own = own;
    const opened = await this.#open();
    if (opened === null) {
      this.#tellAlone(own, "no home directory can be used");
      return own;
    }
    // Written before the others are read: of two that start together, at least
    // the later one sees both.
    await opened.writer.writeNow();
    const mates = await this.#mates(opened);
    const announced = unionOf(own, mates.map(({ announces }) => announces));
    if (mates.length === 0) this.#tellAlone(announced, "no other process in this home has one");
    this.#hello = { atMs: this.#parts.clock.now(), announced };
    await opened.writer.writeNow();
    return announced;
  }

  close(): Promise<void> {
    const opening = this.#opening;
    if (opening === undefined) return this.#closing;
    this.#opening = undefined;
    this.#hello = null;
    return this.#closing = opening.then((opened) => {
      this.#parts.desk.close();
      return opened?.writer.close();
    });
  }

  #changed(): void {
    void this.#opening?.then((opened) => opened?.writer.changed());
  }

  #open(): Promise<Opened | null> {
    return this.#opening ??= this.#openNow().catch((error: unknown) => {
      this.#parts.logger.debug({ error: String(error) }, "no presence file is kept");
      return null;
    });
  }

  async #openNow(): Promise<Opened | null> {
    const { home, fingerprint: fingerprintOf, pid, clock } = this.#parts;
    const agent = this.#agent;
    const directory = home();
    if (directory === null || agent === undefined) return null;
    const fingerprint = await fingerprintOf();
    // Read after the start of the host, when the agent dials.
    const { openPresenceFolder } = await import("../presence/folder.ts");
    const { createPresenceWriter } = await import("../presence/writer.ts");
    const folder = await openPresenceFolder(directory, clock);
    const id = `${pid}-${clock.now()}-${randomHex(4)}`;
    const lock = await folder.claim(id);
    if (lock === null) return null;
    this.#takesCommands = await this.#parts.desk.open(folder.socketPath(id));
    const writer = createPresenceWriter({
      id,
      folder,
      lock,
      clock,
      draft: () => this.#draft(agent, fingerprint),
      refreshed: () => this.#settle(false),
    });
    return { id, folder, writer, fingerprint };
  }

  #draft(agent: Agent, tokenFingerprint: string): PresenceDraft {
    return {
      formatVersion: 1,
      ...this.#parts.facts(agent),
      tokenFingerprint,
      announces: this.#own,
      takesCommands: this.#takesCommands,
      hello: this.#hello,
    };
  }

  #mates(opened: Opened): Promise<readonly AgentPresence[]> {
    this.#names = opened.folder.names().join();
    return matesOf(opened);
  }

  /**
   * Announces again when this process had the last word at the brain and left
   * out what a neighbour brings. The folder is read when somebody came or went,
   * and at every turn by who brings nothing: a brain that restarted meets its
   * agents in another order.
   */
  async #settle(always: boolean): Promise<void> {
    try {
      const opened = await this.#opening;
      const hello = this.#hello;
      if (opened === null || opened === undefined || hello === null) return;
      const isSame = opened.folder.names().join() === this.#names;
      if (!always && isSame && !isEmpty(this.#own)) return;
      const mates = await this.#mates(opened);
      const isLast = mates.every((mate) => (mate.hello?.atMs ?? 0) <= hello.atMs);
      const wanted = unionOf(this.#own, mates.map(({ announces }) => announces));
      if (isLast && !covers(hello.announced, wanted)) return this.#renew();
      // A brain gives a command to the connection that came first: one that can
      // serve nothing comes last.
      const isInTheWay = isEmpty(this.#own) &&
        mates.some((mate) => !isEmpty(mate.announces) && (mate.hello?.atMs ?? 0) > hello.atMs);
      if (isInTheWay) this.#renew();
    } catch {
      // The next turn looks again.
    }
  }

  #tellAlone(announced: Announcement, why: string): void {
    if (this.#toldAlone || !isEmpty(announced)) return;
    this.#toldAlone = true;
    this.#parts.logger.info(
      { why },
      "this process announces neither engines nor schedulers; a worker that shares its token from " +
        "another home or machine would vanish from the dashboard: mint a second token for one of " +
        "them, or give both the same Z4J_HOME",
    );
  }
}

/** The others on the same token. */
async function matesOf({ id, folder, fingerprint }: Opened): Promise<readonly AgentPresence[]> {
  const living = await folder.living(id);
  return living.filter((other) => other.id !== id && other.tokenFingerprint === fingerprint);
}

/** Everything in the file that comes from settings and surroundings, and the agent's status. */
export function presenceFacts(
  settings: Settings,
  platform: Pick<Platform, "pid" | "runtime" | "runtimeVersion">,
  identity: AgentIdentity,
): KeeperParts["facts"] {
  return (agent) => {
    const status = presenceStatus(agent.status());
    return {
      pid: platform.pid,
      workerId: identity.workerId,
      role: identity.workerRole,
      agentName: settings.agentName,
      framework: identity.framework,
      projectId: settings.projectId,
      brainUrl: settings.brainUrl,
      startedAtMs: identity.startedAtMs,
      runtime: { name: platform.runtime, version: platform.runtimeVersion },
      version: VERSION,
      bufferPath: status.buffer?.capabilities.path ?? null,
      status,
    };
  };
}
