type Handler = (request: Request) => Response | Promise<Response>;
interface Served {
  /** Stops listening; requests under way are answered. */
  stop(): Promise<void>;
}
interface Runtimes {
  readonly Deno?: {
    serve(options: { port: number; hostname: string; onListen(): void }, handler: Handler): {
      shutdown(): Promise<void>;
    };
  };
  readonly Bun?: {
    serve(options: { port: number; hostname: string; fetch: Handler }): {
      stop(): Promise<void>;
    };
  };
}

/** Serves a handler on Deno or on Bun. */
export function serve(handler: Handler, port: number, hostname = "127.0.0.1"): Served {
  const { Deno, Bun } = globalThis as Runtimes;
  if (Deno !== undefined) {
    const server = Deno.serve({ port, hostname, onListen() {} }, handler);
    return { stop: () => server.shutdown() };
  }
  if (Bun !== undefined) {
    const server = Bun.serve({ port, hostname, fetch: handler });
    return { stop: () => server.stop() };
  }
  throw new Error("Cannot serve: this is neither Deno nor Bun");
}
