import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import path from "node:path"
import { Job } from "../../../src/services/Queue/index.ts"
import { decideSlots } from "../../../src/services/Queue/policy/SlotDecision.ts"
import type { WorkerLoad } from "../../../src/services/Store/WorkerRecord.ts"
import { withStore } from "../../services/Store/sqlite/SqliteStores.ts"
import * as CommandLine from "../CommandLine.ts"

/** The machine may be busy. */
const limit = 60_000

const scaler = { slots: 8, reason: "a share of 8 over all workers: forecast" }
const held = decideSlots(
  { scaler, limit: { slots: 10, reason: "the group's limit" } },
  { memory: { of: () => 3, reason: "memory pressure is high" } }
)
const sentence =
  "3 slots: the memory gate holds it at 3 (memory pressure is high), the scaler asked for 8 (a share of 8 over all workers: forecast)"
const total = (slots: number) => decideSlots({ declared: { slots, reason: "declared for this worker" } }, {})

const load = (more: Partial<WorkerLoad>): WorkerLoad => ({
  busy: {},
  cpu: 0,
  rssBytes: 0,
  heapBytes: 0,
  loopDelayMs: 0,
  ...more
})

/** A store with a worker named `w` that runs `running` of four jobs of its group and says this of itself. */
const besideWorker = (
  running: number,
  says: WorkerLoad,
  body: (
    commandLine: CommandLine.CommandLine,
    env: Readonly<Record<string, string>>,
    waiting: string
  ) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const commandLine = yield* CommandLine.make
    const file = path.join(commandLine.folder, "queue.db")
    yield* withStore({ path: file }, (driver) =>
      Effect.gen(function* () {
        const { ids } = yield* driver.enqueue([{}, {}, {}, {}])
        const session = yield* driver.join(["task"], "w")
        yield* driver.claim(session, running)
        yield* driver.beat(session, ["task"], says)
        yield* body(commandLine, { SLUICE_STORE: file }, Job.formatJobId(ids.at(-1)!))
      })
    )
  }).pipe(Effect.scoped)

describe("which proposal decides a group's slots", () => {
  it.live(
    "is said by job explain, queue status, worker ls and scale status",
    () =>
      besideWorker(3, load({ decided: { group: held } }), ({ call, json }, env, waiting) =>
        Effect.gen(function* () {
          const explained = yield* call(["job", "explain", waiting], { env })
          assert.strictEqual(
            explained.lines[0],
            `all 3 slots of the workers for group group are busy; w fills ${sentence}; it starts when one is free`
          )
          assert.include((yield* call(["queue", "status"], { env })).stderr, `group on w: ${sentence}\n`)
          assert.include((yield* call(["worker", "ls"], { env })).stdout, "group 3/3 memory")
          const shown = {
            source: "memory",
            slots: 3,
            reason: "memory pressure is high",
            asked: { source: "scaler", ...scaler }
          }
          const [status] = yield* json(["queue", "status", "--json"], { env })
          const group = status.groups.find(({ name }: { readonly name: string }) => name === "group")
          assert.deepStrictEqual(group.slots, [{ session: 1, worker: "w", ...shown }])
          const [worker] = yield* json(["worker", "ls", "--json"], { env })
          assert.deepStrictEqual(worker.decided, { group: shown })
          yield* call(["queue", "limit", "group", "10"], { env })
          const [scaling] = yield* json(["scale", "status", "group", "--json"], { env })
          assert.deepStrictEqual(scaling.decided, group.slots)
          assert.match((yield* call(["scale", "status", "group"], { env })).stdout, /on w +3 slots: the memory gate/)
        })
      ),
    limit
  )

  it.live(
    "is the worker's total where slots of the group are free",
    () =>
      besideWorker(2, load({ total: total(2) }), ({ json }, env, waiting) =>
        Effect.gen(function* () {
          const [{ reason, why }] = yield* json(["job", "explain", waiting, "--json"], { env })
          assert.strictEqual(reason, "TotalUsed")
          assert.strictEqual(
            why,
            "slots of group group are free, but all 2 of all groups together are busy; of those w fills 2 slots: 2 are declared"
          )
          const [worker] = yield* json(["worker", "ls", "--json"], { env })
          assert.strictEqual(worker.total.slots, 2)
        })
      ),
    limit
  )

  it.live(
    "is as declared or the group's limit where a worker says nothing, or nothing that can be read",
    () =>
      Effect.forEach(
        [
          load({}),
          load({ decided: { group: "three" as never }, total: [] as never }),
          load({ decided: { group: { ...held, slots: "3" } as never }, total: { slots: 1e308 } as never }),
          load({ decided: { group: { ...held, by: { ...held.by, source: "somebody" } } as never } })
        ],
        (says) =>
          besideWorker(2, says, ({ json }, env, waiting) =>
            Effect.gen(function* () {
              const [{ reason }] = yield* json(["job", "explain", waiting, "--json"], { env })
              assert.strictEqual(reason, "Next")
              const [worker] = yield* json(["worker", "ls", "--json"], { env })
              const plain = { source: "limit", slots: 10, reason: "the group's limit" }
              assert.deepStrictEqual(worker.decided, { group: { ...plain, asked: plain } })
              assert.isNull(worker.total)
            })
          )
      ),
    limit
  )
})

describe("sluice worker --total-slots", () => {
  it.live(
    "and SLUICE_TOTAL_SLOTS are refused where they are no number of slots",
    () =>
      Effect.gen(function* () {
        const { call } = yield* CommandLine.make
        for (const total of ["0", "-1", "100001", "2.5", "many"]) {
          const flag = yield* call(["worker", `--total-slots=${total}`, "--once"])
          assert.strictEqual(flag.code, 2, total)
          assert.match(flag.stderr, /--total-slots/)
          const setting = yield* call(["worker", "--once"], { env: { SLUICE_TOTAL_SLOTS: total } })
          assert.strictEqual(setting.code, 2, total)
          assert.strictEqual(
            setting.stderr,
            `sluice: totalSlots (SLUICE_TOTAL_SLOTS): "${total}"; expected a whole number from 1 to 100,000\n`
          )
        }
      }).pipe(Effect.scoped),
    limit
  )
})
