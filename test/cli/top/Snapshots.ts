/** Made-up moments of a store, for tests of what is shown. */
import type { JobId, JobState } from "../../../src/services/Queue/index.ts"
import type { Snapshot, ShownJob } from "../../../src/cli/top/Snapshot.ts"
import { hostileTexts, longTexts } from "../../support/hostile/HostileText.ts"
import type { SeededRandom } from "../../support/SeededRandom.ts"

export const at = Date.UTC(2030, 0, 1, 12)

export const job = (id: number, state: JobState, more: Partial<ShownJob> = {}): ShownJob => ({
  id: id as JobId,
  state,
  group: "computation",
  what: `gzip -k ${id}.log`,
  since: at - id * 1000,
  said: "",
  ...more
})

export const snapshot = (more: Partial<Snapshot> = {}): Snapshot => ({
  at,
  store: "/home/somebody/queue.db",
  paused: false,
  counts: { scheduled: 1, pending: 9997, running: 3, completed: 5, failed: 2, cancelled: 0 },
  groups: [
    {
      name: "computation",
      limit: 3,
      paused: false,
      running: 3,
      waiting: 9997,
      failed: 2,
      perSecond: 41.2,
      byMinute: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      waitP95: 1234,
      nextHour: { expected: 3700, p05: 3400, p95: 4100 }
    },
    {
      name: "network",
      limit: 10,
      paused: true,
      running: 0,
      waiting: 0,
      failed: 0,
      perSecond: 0,
      byMinute: new Array(10).fill(0),
      waitP95: undefined,
      nextHour: undefined
    }
  ],
  workers: [
    {
      session: 1,
      name: "host:4711",
      state: "alive",
      busy: 3,
      slots: 20,
      heldBy: [],
      cpu: 1.4,
      rssBytes: 236_400_000,
      lastBeat: at - 3000
    }
  ],
  alerts: [{ critical: true, rule: "stuck", about: "network", text: "no job started for 5 min", since: at - 180_000 }],
  jobs: [
    job(1, "running", { said: "40 % half" }),
    job(2, "running"),
    job(3, "running", { what: "ffmpeg -i 日本語.mkv out.mp4" }),
    job(4, "pending"),
    job(5, "pending", { group: "network" }),
    job(6, "scheduled", { said: "due in 5 min" }),
    job(7, "failed", { said: "the command ended with exit code 3" })
  ],
  unread: 9995,
  followed: undefined,
  ...more
})

/** Anything a store might hold, strangers' texts among it. */
export const anySnapshot = (random: SeededRandom): Snapshot => {
  const texts = [...hostileTexts("/nowhere"), ...longTexts, "日本語".repeat(30), "👩‍👩‍👧 family", "plain words"]
  const text = () => random.pick(texts)
  const count = () => random.pick([0, 1, 12, 9997, 1e9])
  const time = () => at + random.pick([-1e12, -90_000, -1000, 0, 1000, 1e10])
  const many = <A>(most: number, make: (i: number) => A) =>
    Array.from({ length: random.below(most + 1) }, (_, i) => make(i))
  const states: ReadonlyArray<JobState> = ["running", "pending", "scheduled", "failed", "cancelled", "completed"]
  const jobs = many(60, (i) =>
    job(i + 1, random.pick(states), { group: text(), what: text(), said: text(), since: time() })
  )
  return snapshot({
    store: text(),
    paused: random.chance(0.5),
    counts: {
      scheduled: count(),
      pending: count(),
      running: count(),
      completed: count(),
      failed: count(),
      cancelled: count()
    },
    groups: many(12, (i) => ({
      name: `${text()}${i}`,
      limit: count(),
      paused: random.chance(0.3),
      running: count(),
      waiting: count(),
      failed: count(),
      perSecond: random.pick([0, 0.001, 41.234, 1e7]),
      byMinute: Array.from({ length: 10 }, count),
      waitP95: random.pick([undefined, 0.2, 1234, 1e9]),
      nextHour: random.pick([undefined, { expected: 10, p05: 0, p95: 1e7 }])
    })),
    workers: many(6, (i) => ({
      session: i,
      name: text(),
      state: random.pick(["alive", "draining", "suspended", "expired", "gone"] as const),
      busy: count(),
      slots: count(),
      heldBy: random.pick([[], ["memory"], ["total", "memory"]] as const),
      cpu: random.pick([undefined, 0, 1.4, 64]),
      rssBytes: random.pick([undefined, 0, 2e8]),
      lastBeat: time()
    })),
    alerts: many(5, () => ({ critical: random.chance(0.5), rule: text(), about: text(), text: text(), since: time() })),
    jobs,
    unread: count(),
    followed:
      jobs.length === 0 || random.chance(0.3) ? undefined : { job: random.pick(jobs), lines: many(50, text), total: 50 }
  })
}
