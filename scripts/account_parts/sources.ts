/** A script whose account is part of the page. */
export interface Source {
  /** File below `docs/account`, without `.json`. */
  readonly name: string;
  readonly title: string;
  /** The command that writes the file. */
  readonly command: string;
  readonly about: string;
  /** What counts, as paths into the JSON with their words; what is not there is left out. */
  readonly figures: readonly (readonly [path: string, words: string])[];
}

const CHAOS_FIGURES: Source["figures"] = [
  ["kills.agent", "agents killed"],
  ["kills.brain", "brains killed"],
  ["account.recorded", "events recorded"],
  ["account.resolved", "resolved"],
  ["account.delivered", "of these delivered once"],
  ["account.lost", "lost"],
  ["account.doubled", "doubled"],
  ["account.altered", "altered"],
  ["account.phantom", "phantom"],
];

// In the order of the page.
const SOURCES: readonly Source[] = [
  {
    name: "chaos",
    title: "Kills",
    command: "./scripts/chaos --full --seed 1 --json docs/account/chaos.json",
    about:
      "Agents (Bun and Deno on SQLite, Deno on KV) and the embedded brain are killed at random moments and at named points, through a proxy that cuts, delays and swallows; every event is compared by id and digest. 200 kills are part of `./scripts/test`.",
    figures: CHAOS_FIGURES,
  },
  {
    name: "chaos_stock",
    title: "Kills against the stock brain",
    command: "./scripts/chaos --brain stock --seed 1 --json docs/account/chaos_stock.json",
    about: "The same against the stock brain, whose every start takes some six seconds.",
    figures: CHAOS_FIGURES,
  },
  {
    name: "chaos_bullmq",
    title: "BullMQ in trouble",
    command: "./scripts/chaos --engine bullmq --seed 1 --json docs/account/chaos_bullmq.json",
    about:
      "Three agents and four workers over real jobs; the holder of the lease is killed, the next one frozen, Redis restarted.",
    figures: [
      ["account.jobs", "jobs"],
      ["account.events", "events in the brain"],
      ["account.wrong", "wrong final states"],
      ["account.doubled", "doubled"],
      ["account.missing", "missing"],
    ],
  },
  {
    name: "crash_states",
    title: "Crash states",
    command: "./scripts/crash_states --full --seed 1 --json docs/account/crash_states.json",
    about:
      "The system calls of real writers (the agent's buffer and the brain's file on Bun and Deno, Deno KV) are traced, and what a crash or a power loss may leave on the disk at any moment is rebuilt, reopened and checked. The same writers with `synchronous=NORMAL`, and Deno KV's trace without its syncs, have to lose events, or the run fails. [delivery.md](delivery.md#proved-by-losing-power) says how.",
    figures: [
      ["states", "states"],
      ["crashes", "left by a process crash"],
      ["powerLosses", "left by a loss of power"],
      ["recoveredTwice", "with a recovery that was killed"],
      ["promises", "promises of the writers"],
      ["promisesSynced", "of these with a sync before"],
      ["broken", "broken states"],
      ["lost", "lost"],
      ["lostByControls", "lost by the controls, as they must"],
    ],
  },
  {
    name: "nth_call",
    title: "The Nth call fails",
    command: "./scripts/nth_call --full --json docs/account/nth_call.json",
    about:
      "Every write and sync of a run fails once, or from then on, with ENOSPC, EIO or EACCES: nothing that was resolved is lost, the host is not disturbed, the process goes on when the disk does.",
    figures: [
      ["points", "calls of a run"],
      ["runs", "runs"],
      ["calls", "calls that failed"],
      ["powerCuts", "power cuts after them"],
      ["promised", "promises"],
      ["lost", "lost"],
      ["broken", "broken"],
    ],
  },
  {
    name: "simulation",
    title: "Simulation",
    command:
      "./scripts/simulation --full --minutes 5.2 --seed 1 --json docs/account/simulation.json",
    about:
      "The real delivery of agents and embedded brain on a virtual clock, network and disk, against a small model: drop, duplicate, reorder, delay, cut, half-open, partition, crash, full disk, clock jumps, two processes of one agent, key rotation, commands delivered twice. One seed and number replays one schedule. `--full` plays 1 000 000; `--minutes` ends it earlier where cores are shared, and what was played until then is counted here.",
    figures: [
      ["schedules", "schedules"],
      ["steps", "steps"],
      ["violations", "violations"],
      ["pairs.visited", "pairs of state and fault"],
      ["pairs.possible", "possible pairs"],
      ["slowestDrainVirtualMs", "virtual ms until all was delivered, at most"],
    ],
  },
  {
    name: "smallest_model",
    title: "Smallest model",
    command: "./scripts/simulation --exhaustive --json docs/account/smallest_model.json",
    about:
      "Two agents, three events, one crash, one duplicate, by the same simulation with fixed latencies: every run is played. The crash comes after any happening, to either agent or the brain, with its connections reset or silent; the duplicate is any message.",
    figures: [["runs", "runs"], ["steps", "steps"], ["violations", "violations"]],
  },
  {
    name: "fuzz",
    title: "Fuzzing",
    command: "./scripts/fuzz --full --seed 1 --json docs/account/fuzz.json",
    about:
      "Frames, stored rows, settings, REST and long-poll bodies made from a grammar and then damaged, on both runtimes; what is handled wrongly becomes a seed in the repository. 1 000 000 cases a target are wanted; the table says what the time allowed of each.",
    figures: [["cases", "cases"], ["attacked", "targets"], ["failed", "handled wrongly"]],
  },
  {
    name: "attack",
    title: "Attackers",
    command: "./scripts/attack --full --seed 1 --json docs/account/attack.json",
    about:
      "Raw TCP and HTTP against the embedded brain: slow, oversized, half-open, wrong Host and Origin, smuggled headers; honest agents are measured meanwhile.",
    figures: [["cases", "cases"], ["refused", "refused"], ["accepted", "accepted"]],
  },
  {
    name: "planted_faults",
    title: "Planted faults",
    command: "./scripts/planted_faults --full --json docs/account/planted_faults.json",
    about:
      "One line of a copy of the library is broken at a time; the named test must fail within a minute, and pass on the unchanged copy.",
    figures: [["faults", "faults"], ["caught", "caught"], ["uncaught", "not caught"]],
  },
  {
    name: "coverage",
    title: "Coverage",
    command: "deno task coverage --json docs/account/coverage.json",
    about:
      "Of the folders that a promise rests on, by their own tests and those of their neighbours. Bun measures lines and functions, not branches.",
    figures: [
      ["deno.branches", "% of branches (Deno)"],
      ["deno.lines", "% of lines (Deno)"],
      ["bun.lines", "% of lines (Bun)"],
    ],
  },
  {
    name: "soak",
    title: "Soak",
    command: "./scripts/soak --minutes 5 --json docs/account/soak.json",
    about:
      "An agent and the embedded brain for minutes, with cuts; memory, sockets, timers and files must be flat after the warm-up.",
    figures: [["recorded", "events recorded"], ["stored", "in the brain"], ["cuts", "cuts"]],
  },
];

/** The proofs, and after them files that no row here is about. */
export function sourcesOf(names: readonly string[]): readonly Source[] {
  const known = new Set(SOURCES.map(({ name }) => name));
  const others = names.filter((name) => !known.has(name)).sort();
  return [
    ...SOURCES,
    ...others.map((name) => ({
      name,
      title: name.replaceAll("_", " "),
      command: `docs/account/${name}.json`,
      about: "",
      figures: [],
    })),
  ];
}
