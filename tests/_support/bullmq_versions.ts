import { Queue, Worker } from "bullmq";
import { Queue as Queue5, Worker as Worker5 } from "bullmq5";

/** The classes of one major version; the types are those of the newest. */
export interface BullmqVersion {
  /** For test titles. */
  readonly name: string;
  readonly Queue: typeof Queue;
  readonly Worker: typeof Worker;
}

/** Both major versions that the adapters serve. */
export const BULLMQ_VERSIONS: readonly BullmqVersion[] = [
  { name: "BullMQ 6", Queue, Worker },
  {
    name: "BullMQ 5",
    Queue: Queue5 as unknown as typeof Queue,
    Worker: Worker5 as unknown as typeof Worker,
  },
];
