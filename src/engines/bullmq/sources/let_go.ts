import { overrideMethod } from "../../../base/override_method.ts";
import { member } from "../facts.ts";

/** Lets a worker go on without the end of a job that it runs. */
export interface LetGo {
  /**
   * Fails a job at once; what its processor still does is discarded. `false` when
   * it does not run here, or takes a signal and so can be asked to stop.
   */
  letGo(jobId: string, reason: string): boolean;
  /** Takes the hook away again; jobs that run now cannot be let go any more. */
  stop(): void;
}

/**
 * Hooks into a worker whose processor takes no signal. On this instance only:
 * inputs, answers and errors of the processor pass unchanged.
 */
export function createLetGo(worker: object): LetGo {
  const running = new Map<string, (error: Error) => void>();
  const none: LetGo = { letGo: () => false, stop() {} };
  if (member(worker, "processorAcceptsSignal") === true) return none;
  const restore = overrideMethod(worker, "callProcessJob", (call, _self, [job]) => {
    const answer = call();
    const id = member(job, "id");
    if (!(answer instanceof Promise) || typeof id !== "string") return answer;
    return new Promise((resolve, reject) => {
      running.set(id, reject);
      const over = (): void => {
        if (running.get(id) === reject) running.delete(id);
      };
      // What ends after the job was let go settles nothing, and is heard all the same.
      answer.then((value: unknown) => {
        over();
        resolve(value);
      }, (error: unknown) => {
        over();
        reject(error);
      });
    });
  });
  return {
    letGo(jobId, reason) {
      const reject = running.get(jobId);
      if (reject === undefined) return false;
      running.delete(jobId);
      const error = new Error(reason);
      // By this name BullMQ knows a job that must not be tried again.
      error.name = "UnrecoverableError";
      reject(error);
      return true;
    },
    stop() {
      restore();
      running.clear();
    },
  };
}
