import { describe, it } from "node:test";
import { Cron } from "croner";
import { cronerScheduler } from "../../src/schedulers/croner/mod.ts";
import { testScheduler } from "../../src/testing/scheduler_contract.ts";

testScheduler({ describe, it }, "cronerScheduler()", () => {
  let runs = 0;
  const job = new Cron("0 0 1 1 *", { name: "contract-yearly", unref: true }, () => {
    runs++;
  });
  return {
    scheduler: cronerScheduler({ jobs: [job] }),
    key: "contract-yearly",
    runs: () => runs,
    close: () => job.stop(),
  };
});
