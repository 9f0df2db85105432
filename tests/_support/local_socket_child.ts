// Listens at a path and connects to it, and has nothing else to do: it must end by itself.
import process from "node:process";
import { connectLocal, listenLocal } from "../../src/platform/local_socket.ts";

const [path = ""] = process.argv.slice(2);
await listenLocal(path, { maxConnections: 2, maxLineChars: 100 }, () => {});
// A handle that is waited for keeps the process until both ends are there.
const timer = setTimeout(() => {}, 20_000);
await connectLocal(path, 100);
clearTimeout(timer);
console.log("connected");
