import type { FuzzTarget } from "../target.ts";
import { brainRowsTarget } from "./brain_rows.ts";
import { framesTarget } from "./frames.ts";
import { gatewayTarget } from "./gateway.ts";
import { kvRowsTarget } from "./kv_rows.ts";
import { longPollTarget } from "./long_poll.ts";
import { restTarget } from "./rest.ts";
import { settingsTarget } from "./settings.ts";
import { sqliteRowsTarget } from "./sqlite_rows.ts";

/** Everything that hostile input is tried on. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  framesTarget,
  settingsTarget,
  gatewayTarget,
  longPollTarget,
  restTarget,
  sqliteRowsTarget,
  kvRowsTarget,
  brainRowsTarget,
];
