/** An event of unknown kind and of no task: it is stored and shown nowhere. */
export function probeEvent(): Readonly<Record<string, string | { readonly probe: true }>> {
  return {
    id: crypto.randomUUID(),
    kind: "unknown",
    engine: "z4j-doctor",
    task_id: "",
    occurred_at: new Date().toISOString(),
    data: { probe: true },
  };
}
