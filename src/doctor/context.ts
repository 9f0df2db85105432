import { createBase, type DoctorBase, routeOf } from "./base.ts";
import { type BrainSources, createSources } from "./brain_sources.ts";
import type { DoctorOptions } from "./options.ts";

export { routeOf };

/** What the probes share: settings, system, and what the brain answers. */
export interface DoctorContext extends DoctorBase, BrainSources {}

/** Reads settings and prepares everything else for when it is asked. */
export function createContext(options: DoctorOptions): DoctorContext {
  const base = createBase(options);
  return { ...base, ...createSources(base) };
}
