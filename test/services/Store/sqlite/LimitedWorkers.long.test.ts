import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import type { GroupPolicy } from "../../../../src/services/Limits/GroupPolicy.ts"
import type { StoreError } from "../../../../src/services/Store/StoreError.ts"
import { check } from "../../../../src/services/Store/sqlite/Maintenance.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"
import { newFile, withStore } from "./SqliteStores.ts"

const isReduced = process.env["SLUICE_LONG"] === "reduced"
const workers = isReduced ? 4 : 8
const jobs = isReduced ? 3_000 : 24_000
const keys = isReduced ? 100 : 1_000
/** About so many workers are killed. */
const kills = isReduced ? 12 : 40
/** Half of all jobs are of these. */
const hotKeys = 10
const perTurn = 500
/** Their jobs come first, and there are always some that wait. */
const ratedKeys = 5
const rate = { limit: 10, perMs: 1_000, burst: 10 }
const jobsOfRated = isReduced ? 100 : 400

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
  /** By the store's clock. */
  readonly at: number
  end: number
}

const ruleOf = (concurrency: number): GroupPolicy => ({
  keys: [
    { keys: "key *", policy: { concurrency } },
    { keys: "rated *", policy: { rate } }
  ]
})

/** Every run by the ledgers; one whose worker was killed ended then. */
const runsOf = (ledgers: ReadonlyArray<{ readonly file: string; readonly killedAt: number }>): ReadonlyArray<Run> =>
  ledgers.flatMap(({ file, killedAt }) => {
    const runs = new Map<string, Run>()
    const text = readFileSync(file, { encoding: "utf8", flag: "a+" })
    for (const line of text.slice(0, text.lastIndexOf("\n")).split("\n")) {
      const [what, id, attempt, ...rest] = line.split(" ")
      if (what === "end") runs.get(`${id} ${attempt}`)!.end = Number(rest[0])
      else if (what === "start") {
        const [asked, start, at] = rest.slice(-3).map(Number) as [number, number, number]
        runs.set(`${id} ${attempt}`, { key: rest.slice(0, -3).join(" "), asked, start, at, end: killedAt })
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

/** A busy machine may keep the file locked for longer than a call waits: it says to try again. */
const patient = <A>(call: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
  Effect.retry(call, { while: ({ reason }) => reason._tag === "StoreUnavailable", times: 10 })

/** Starts of a key at which more ran than its limit lets. */
const excesses = (runs: ReadonlyArray<Run>, limits: ReadonlyArray<Limit>): ReadonlyArray<string> =>
  runs.flatMap((run) => {
    const together = runs.filter((other) => other.start <= run.start && run.start < other.end).length
    return together > allowed(limits, run) ? [`${run.key}: ${together} of ${allowed(limits, run)}`] : []
  })

/** Windows in which more of a rated key started than its rate lets. */
const bursts = (runs: ReadonlyArray<Run>): ReadonlyArray<string> => {
  const starts = runs.map(({ at }) => at).sort((a, b) => a - b)
  return starts.flatMap((from, first) =>
    starts.slice(first).flatMap((to, i) => {
      const most = (rate.limit * (to - from)) / rate.perMs + rate.burst + 1
      return i + 1 > most ? [`${runs[0]!.key}: ${i + 1} in ${to - from} ms`] : []
    })
  )
}

/** How long nobody started anything within these times, beyond what a burst makes good: the machine was busy. */
const stood = (starts: ReadonlyArray<number>, from: number, to: number): number => {
  const within = starts.filter((at) => at >= from && at <= to)
  return within
    .slice(1)
    .reduce((sum, at, i) => sum + Math.max(0, at - within[i]! - (rate.burst * rate.perMs) / rate.limit), 0)
}

/**
 * What started of the rate while jobs were there and workers had their turns, the last twentieth apart: jobs of killed
 * workers come late. `all`: starts of all keys, in order.
 */
const shareOfRate = (runs: ReadonlyArray<Run>, all: ReadonlyArray<number>) => {
  const starts = runs.map(({ at }) => at).sort((a, b) => a - b)
  const last = Math.floor(0.95 * (starts.length - 1))
  const [from, to] = [starts[0]!, starts[last]!]
  const lost = stood(all, from, to)
  const share = (ms: number) => (last * rate.perMs) / (ms * rate.limit)
  return { share: share(to - from - lost), ofWholeTime: share(to - from), lost }
}

describe("workers of a store with limits", () => {
  it.live(
    `never run more of a key than its limit, and start as many as its rate, in ${workers} processes that are killed, while limits change`,
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
            if (child.kill("SIGKILL")) await gone
            ledger.killedAt = clock()
          })
        yield* withStore({ path: file }, (driver) =>
          Effect.gen(function* () {
            const { store } = driver
            const limits: Array<Limit> = []
            const limitTo = (concurrency: number) =>
              Effect.gen(function* () {
                const asked = clock()
                yield* patient(store.jobs.setGroup("group", { policy: ruleOf(concurrency) }))
                limits.push({ asked, inForce: clock(), concurrency })
              })
            yield* limitTo(3)
            const key = () => `key ${random.below(random.chance(0.5) ? hotKeys : keys)}`
            for (let i = 0; i < jobsOfRated; i++)
              yield* driver.enqueue(
                Array.from({ length: ratedKeys }, (_, j) => ({ partitionKey: `rated ${j}`, maxAttempts: 1_000 }))
              )
            for (let i = 0; i < jobs; i += perTurn)
              yield* driver.enqueue(
                Array.from({ length: perTurn }, () => ({ partitionKey: key(), maxAttempts: 1_000 }))
              )
            for (let i = 0; i < workers; i++) launch()
            let leftAtKill = jobs + ratedKeys * jobsOfRated
            yield* Effect.gen(function* () {
              for (let round = 0; ; round++) {
                yield* Effect.sleep(150)
                if (round % 3 === 0) yield* limitTo(1 + random.below(4))
                yield* patient(driver.sweep())
                const { count: left } = yield* store.jobs.count({ states: ["scheduled", "pending", "running"] })
                if (left === 0) return
                // By what was done and not by time: on a busy machine they would be killed before they start anything.
                const atWork = children.filter(({ ledger }) => existsSync(ledger.file))
                if (leftAtKill - left < jobs / kills || atWork.length === 0) continue
                leftAtKill = left
                yield* kill(children.indexOf(random.pick(atWork)))
                launch()
              }
            }).pipe(Effect.ensuring(Effect.suspend(() => Effect.forEach([...children], () => kill(0)))))
            yield* patient(driver.sweep())
            assert.deepStrictEqual(yield* store.jobs.counters, [
              { group: "group", task: "task", state: "completed", count: jobs + ratedKeys * jobsOfRated }
            ])
            const runs = new Map<string, Array<Run>>()
            for (const run of runsOf(ledgers)) runs.set(run.key, [...(runs.get(run.key) ?? []), run])
            assert.isAbove([...runs.values()].flat().length, jobs - 1)
            const rated = [...runs.values()].filter(([run]) => run!.key.startsWith("rated"))
            const others = [...runs.values()].filter((ofKey) => !rated.includes(ofKey))
            assert.deepStrictEqual(
              others.flatMap((ofKey) => excesses(ofKey, limits)),
              []
            )
            assert.deepStrictEqual(rated.flatMap(bursts), [])
            const starts = [...runs.values()].flatMap((ofKey) => ofKey.map(({ at }) => at)).sort((a, b) => a - b)
            const shares = rated.map((ofKey) => shareOfRate(ofKey, starts))
            const figures = {
              starts: starts.length,
              seconds: (starts.at(-1)! - starts[0]!) / 1_000,
              ofRated: rated.flat().length,
              killed: ledgers.length - workers,
              changes: limits.length,
              shares
            }
            yield* Effect.logInfo(`limited workers: ${JSON.stringify(figures)}`)
            assert.strictEqual(rated.length, ratedKeys)
            assert.isAtLeast(Math.min(...shares.map(({ share }) => share)), 0.97)
            assert.deepStrictEqual(yield* store.jobs.limitKeys({}, 1_000), [])
            assert.strictEqual(yield* store.jobs.repairKeys(yield* Clock.currentTimeMillis), 0)
          })
        )
        assert.deepStrictEqual((yield* check(file)).findings, [])
      }),
    isReduced ? 300_000 : 1_200_000
  )
})
