// A host of its own that runs until it is killed: `presence_child.ts <home>`.
import process from "node:process";
import { createAgent } from "../../mod.ts";

const [home = ""] = process.argv.slice(2);
await createAgent({
  brainUrl: "http://127.0.0.1:1",
  token: "token-canary",
  hmacSecret: "7evILwhbDhZeulVhVxCnIGm7vqLXyJ0K_1C1dpv4-HA=",
  projectId: "default",
  home,
  env: false,
}).start();
setInterval(() => {}, 1000);
