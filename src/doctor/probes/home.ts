import { fail, ok, type Probe, skip, warn } from "../probe.ts";
import { describeDisk, diskFacts } from "./disk.ts";

const OTHERS_WRITE = 0o022;

/** The directory of the agent's files: owner and mode. */
export const homeProbe: Probe = {
  id: "home",
  title: "home directory",
  needs: [],
  run({ values, disk, isGranted }) {
    const { home } = values;
    if (home === undefined) return fail("Z4J_DOCTOR_SETTINGS_INVALID", "Z4J_HOME is not usable");
    if (!isGranted({ name: "read", path: home })) {
      return skip(`${home} may not be looked at (no --allow-read)`);
    }
    const state = disk.describe(home);
    const facts = diskFacts(home, state);
    if (!state.exists) return skip(`${home} does not exist`, facts);
    const detail = `${home} (${describeDisk(home, state)})`;
    if (state.owner !== null && state.user !== null && state.owner !== state.user) {
      return warn("Z4J_DOCTOR_HOME_OWNER", `${detail}, and this is user ${state.user}`, { facts });
    }
    if (state.mode !== null && (parseInt(state.mode, 8) & OTHERS_WRITE) !== 0) {
      return warn("Z4J_DOCTOR_HOME_OPEN", detail, { facts });
    }
    return ok(detail, facts);
  },
};
