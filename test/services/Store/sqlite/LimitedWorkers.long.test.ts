import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import type { GroupPolicy } from "../../../../src/services/Limits/GroupPolicy.ts"
import { check } from "../../../../src/services/Store/sqlite/Maintenance.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"
import { newFile, withStore } from "./SqliteStores.ts"

const isReduced = process.env["SLUICE_LONG"] === "reduced"
const workers = isReduced ? 4 : 8
const jobs = isReduced ? 3_000 : 24_000
const keys = isReduced ? 100 : 1_000
/** Half of all jobs are of these. */
const hotKeys = 10
const perTurn = 500

const program = new URL("./LimitedWorker.ts", import.meta.url).pathname
const clock = (): number => Number(process.hrtime.bigint()) / 1e6

/** A limit, and when it was asked for and in force. */
interface Limit {
  readonly asked: number
  readonly inForce: number
  readonly concurrency: number
}

interface Run {
  readonly key: string
  readonly asked: number
  readonly start: number
  end: number
}

const ruleOf = (concurrency: number): GroupPolicy => ({ keys: [{ keys: "key *", policy: { concurrency } }] })

/** Every run by the ledgers; one whose worker was killed ended then. */
const runsOf = (ledgers: ReadonlyArray<{ readonly file: string; readonly killedAt: number }>): ReadonlyArray<Run> =>
  ledgers.flatMap(({ file, killedAt }) => {
    const runs = new Map<string, Run>()
    const text = readFileSync(file, { encoding: "utf8", flag: "a+" })
    for (const line of text.slice(0, text.lastIndexOf("\n")).split("\n")) {
      const [what, id, attempt, ...rest] = line.split(" ")
      if (what === "end") runs.get(`${id} ${attempt}`)!.end = Number(rest[0])
      else if (what === "start") {
        const [asked, start] = rest.slice(-2).map(Number)
        runs.set(`${id} ${attempt}`, { key: rest.slice(0, -2).join(" "), asked: asked!, start: start!, end: killedAt })
      }
    }
    return [...runs.values()]
  })

/** The most that any claim made while this one was under way may have let run together. */
const allowed = (limits: ReadonlyArray<Limit>, { asked, start }: Run): number =>
  Math.max(
    ...limits
      .filter((limit, i) => limit.asked <= start && (limits[i + 1] === undefined || limits[i + 1]!.inForce >= asked))
      .map(({ concurrency }) => concurrency)
  )

/** Starts of a key at which more ran than its limit lets. */
const excesses = (runs: ReadonlyArray<Run>, limits: ReadonlyArray<Limit>): ReadonlyArray<string> =>
  runs.flatMap((run) => {
    const together = runs.filter((other) => other.start <= run.start && run.start < other.end).length
    return together > allowed(limits, run) ? [`${run.key}: ${together} of ${allowed(limits, run)}`] : []
  })

describe("workers of a store with limits", () => {
  it.live(
    `never run more of a key than its limit, in ${workers} processes that are killed, while limits change`,
    () =>
      Effect.gen(function* () {
        const file = yield* newFile
        const random = new SeededRandom(1)
        const ledgers: Array<{ readonly file: string; killedAt: number }> = []
        const children: Array<{ readonly child: ChildProcess; readonly ledger: (typeof ledgers)[number] }> = []
        const launch = () => {
          const ledger = { file: `${file}.ledger${ledgers.length}`, killedAt: Number.POSITIVE_INFINITY }
          ledgers.push(ledger)
          children.push({ child: spawn(process.execPath, [program, file, ledger.file], { stdio: "inherit" }), ledger })
        }
        const kill = (i: number) =>
          Effect.promise(async () => {
            const [{ child, ledger }] = children.splice(i, 1) as [(typeof children)[number]]
            const gone = once(child, "exit")
            child.kill("SIGKILL")
            await gone
            ledger.killedAt = clock()
          })
        yield* withStore({ path: file }, (driver) =>
          Effect.gen(function* () {
            const { store } = driver
            const limits: Array<Limit> = []
            const limitTo = (concurrency: number) =>
              Effect.gen(function* () {
                const asked = clock()
                yield* store.jobs.setGroup("group", { policy: ruleOf(concurrency) })
                limits.push({ asked, inForce: clock(), concurrency })
              })
            yield* limitTo(3)
            const key = () => `key ${random.below(random.chance(0.5) ? hotKeys : keys)}`
            for (let i = 0; i < jobs; i += perTurn)
              yield* driver.enqueue(
                Array.from({ length: perTurn }, () => ({ partitionKey: key(), maxAttempts: 1_000 }))
              )
            for (let i = 0; i < workers; i++) launch()
            yield* Effect.gen(function* () {
              for (let round = 0; ; round++) {
                yield* Effect.sleep(150)
                if (round % 3 === 0) yield* limitTo(1 + random.below(4))
                if (round % 4 === 0) {
                  yield* kill(random.below(children.length))
                  launch()
                }
                yield* driver.sweep()
                const left = yield* store.jobs.count({ states: ["scheduled", "pending", "running"] })
                if (left.count === 0) return
              }
            }).pipe(Effect.ensuring(Effect.suspend(() => Effect.forEach([...children], () => kill(0)))))
            yield* driver.sweep()
            assert.deepStrictEqual(yield* store.jobs.counters, [
              { group: "group", task: "task", state: "completed", count: jobs }
            ])
            const runs = new Map<string, Array<Run>>()
            for (const run of runsOf(ledgers)) runs.set(run.key, [...(runs.get(run.key) ?? []), run])
            assert.isAbove([...runs.values()].flat().length, jobs - 1)
            assert.deepStrictEqual(
              [...runs.values()].flatMap((ofKey) => excesses(ofKey, limits)),
              []
            )
            assert.deepStrictEqual(yield* store.jobs.limitKeys({}, 1_000), [])
            assert.strictEqual(yield* store.jobs.repairKeys(yield* Clock.currentTimeMillis), 0)
          })
        )
        assert.deepStrictEqual((yield* check(file)).findings, [])
      }),
    isReduced ? 120_000 : 600_000
  )
})
