interface Hub<M> {
  readonly members: Set<M>;
  readonly close: () => void;
}

/** What a hub is opened with. */
export interface HubPort<M> {
  /** Everybody who has joined and not left. */
  readonly members: ReadonlySet<M>;
  /** Closes the hub and forgets everybody. */
  dissolve(): void;
}

/**
 * Joins the one hub of that name on a holder; the answer leaves it. The first
 * member opens it, the last one closes it.
 *
 * Node warns when more than ten listeners wait for one event of the process, so
 * all agents share one. The hub hangs on the holder, the global scope or a
 * target of tests, where the copies of this module that a hot reload leaves
 * behind find it too.
 *
 * @param open Adds the listeners; answers what removes them.
 */
export function joinHub<M>(
  holder: object,
  name: string,
  member: M,
  open: (port: HubPort<M>) => () => void,
): () => void {
  const key = Symbol.for(`z4j.${name}`);
  const found = (): Hub<M> | undefined => Reflect.get(holder, key) as Hub<M> | undefined;
  const dissolve = (hub: Hub<M> | undefined): void => {
    if (hub === undefined || found() !== hub) return;
    Reflect.deleteProperty(holder, key);
    hub.members.clear();
    hub.close();
  };
  let joined = found();
  if (joined === undefined) {
    const members = new Set<M>();
    const close = open({ members, dissolve: () => dissolve(found()) });
    joined = { members, close };
    Object.defineProperty(holder, key, { value: joined, configurable: true });
  }
  const hub = joined;
  hub.members.add(member);
  return () => {
    hub.members.delete(member);
    if (hub.members.size === 0) dissolve(hub);
  };
}

/** Calls every member; what one throws reaches nobody. */
export function callAll(members: ReadonlySet<() => void>): void {
  for (const member of [...members]) {
    try {
      member();
    } catch {
      // Nothing of ours may end the host.
    }
  }
}
