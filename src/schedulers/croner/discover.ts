import { type CronerModuleLike, type CronLike, isCronerModule } from "./peer.ts";
import { overrideMethod } from "../../base/override_method.ts";

// Not a literal, so that bundlers and registries do not make croner a
// dependency of everybody who imports this file.
const SPECIFIER: string = ["cro", "ner"].join("");

/** Loads a module by its name; the default is the dynamic `import`. */
export type ImportModule = (specifier: string) => Promise<unknown>;

/**
 * Finds the croner that the process resolves by name, or `null`. The CommonJS
 * copy of croner keeps its own list and must be given as an object.
 */
export async function findCroner(
  importModule: ImportModule = (specifier) => import(specifier),
): Promise<CronerModuleLike | null> {
  try {
    const found = await importModule(SPECIFIER);
    return isCronerModule(found) ? found : null;
  } catch {
    return null;
  }
}

/**
 * Calls back for every job with a function that is created from now on: croner's
 * constructor calls the public method `schedule`. The answer undoes the patch.
 */
export function watchCreation(
  module: CronerModuleLike,
  created: (job: CronLike) => void,
): () => void {
  const prototype = module.Cron.prototype;
  if (typeof prototype !== "object" || prototype === null) return () => {};
  return overrideMethod(prototype, "schedule", (call, self) => {
    const result = call();
    created(self as CronLike);
    return result;
  });
}

/** Tells whether `watchCreation` can work with this version of croner. */
export function tellsCreation(module: CronerModuleLike): boolean {
  const prototype = module.Cron.prototype;
  return typeof prototype === "object" && prototype !== null && "schedule" in prototype &&
    typeof prototype.schedule === "function";
}
