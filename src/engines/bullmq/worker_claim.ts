import { member, text } from "./facts.ts";
import type { BullWorkerLike } from "./like.ts";

/** A name that agents gave a worker, for as long as one of them watches it. */
export interface WorkerClaim {
  /** The name, as BullMQ writes it into jobs. */
  readonly name: string;
  /** Takes the name away again, with the last agent that uses it. */
  release(): void;
}

interface Given {
  readonly name: string;
  users: number;
}

// Registered, so that two copies of this library know each other's names.
const MARK = Symbol.for("z4j.worker_name");

/** The name that the user gave a worker; one that an agent gave it is none. */
export function nameOfUser(worker: BullWorkerLike): string | undefined {
  const opts: unknown = member(worker, "opts");
  const name = text(member(opts, "name"));
  return name !== undefined && givenTo(opts)?.name === name ? undefined : name;
}

/** Names a worker without a name; `undefined` when its options cannot be changed. */
export function claimWorker(worker: BullWorkerLike, name: string): WorkerClaim | undefined {
  const opts: unknown = member(worker, "opts");
  if (typeof opts !== "object" || opts === null) return undefined;
  const known = givenTo(opts);
  const given = known !== undefined && member(opts, "name") === known.name
    ? known
    : give(opts, name);
  if (given === undefined) return undefined;
  given.users++;
  return {
    name: given.name,
    release() {
      if (--given.users > 0 || member(opts, "name") !== given.name) return;
      Reflect.set(opts, "name", undefined);
      Reflect.deleteProperty(opts, MARK);
    },
  };
}

function give(opts: object, name: string): Given | undefined {
  const given: Given = { name, users: 0 };
  const mark = { value: given, configurable: true, enumerable: false };
  return Reflect.set(opts, "name", name) && Reflect.defineProperty(opts, MARK, mark)
    ? given
    : undefined;
}

function givenTo(opts: unknown): Given | undefined {
  return typeof opts === "object" && opts !== null
    ? Reflect.get(opts, MARK) as Given | undefined
    : undefined;
}
