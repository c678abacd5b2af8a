import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Turn, TurnResult } from "../../src/services/Queue/index.ts"
import { simulate } from "./Simulation.ts"
import type { Store } from "../../src/services/Store/Store.ts"

// SEED=… repeats one history, STEPS=… says how long it is.
const asked = process.env.SEED
const seeds = asked === undefined ? [1, 2] : [Number(asked)]
const steps = Number(process.env.STEPS ?? 1500)

describe(`the whole queue against its promises, ${steps} steps a seed`, () => {
  for (const seed of seeds) {
    it.effect(`seed ${seed}`, () => Effect.asVoid(simulate(seed, steps)), 120_000)
  }

  it.effect(
    "one seed is one history",
    () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* simulate(4, 300), yield* simulate(4, 300))
      }),
    60_000
  )
})

/** A store whose turns are answered wrongly. */
const turnsOf = (store: Store, wrong: (result: TurnResult, turn: Turn) => TurnResult): Store => ({
  ...store,
  jobs: {
    ...store.jobs,
    turn: (turn) => Effect.map(store.jobs.turn(turn), (result) => wrong(result, turn)),
    turnSync: (turn) => wrong(store.jobs.turnSync!(turn), turn)
  }
})

const broken: ReadonlyArray<readonly [string, string, (store: Store) => Store]> = [
  [
    "never takes back the jobs of the dead",
    "stuck",
    (store) => ({
      ...store,
      workers: {
        ...store.workers,
        sweep: () => Effect.succeed({ recovered: [], buried: [], expired: 0, sessions: [], more: false })
      }
    })
  ],
  [
    "loses a job now and then",
    "is lost",
    (store) => {
      let count = 0
      return turnsOf(store, (result, { now }) => {
        const ids = result.ids.filter((id) => id !== 0 && ++count % 50 === 0)
        if (ids.length > 0) Effect.runSync(store.jobs.change({ ids }, { _tag: "Remove" }, { now, limit: 10 }))
        return result
      })
    }
  ],
  [
    "miscounts",
    "counter",
    (store) => ({
      ...store,
      jobs: {
        ...store.jobs,
        counters: Effect.map(store.jobs.counters, (cells) =>
          cells.map((cell) =>
            cell.state === "completed" && cell.count > 20 ? { ...cell, count: cell.count - 1 } : cell
          )
        )
      }
    })
  ],
  [
    "hands out the last first",
    "out of order",
    (store) => turnsOf(store, (result) => ({ ...result, jobs: [...result.jobs].reverse() }))
  ],
  [
    "accepts what comes too late",
    "ended 2 times",
    (store) => turnsOf(store, (result) => ({ ...result, lost: undefined, fenced: false }))
  ],
  [
    "knows no pause",
    "was paused",
    (store) => ({
      ...store,
      jobs: {
        ...store.jobs,
        setGroup: (name, settings) =>
          store.jobs.setGroup(name, settings.limit === undefined ? {} : { limit: settings.limit }),
        setPaused: () => Effect.void
      }
    })
  ]
]

describe("the simulation sees a store that", () => {
  for (const [what, says, spoil] of broken) {
    it.effect(
      what,
      () =>
        Effect.gen(function* () {
          // A history may stumble over another consequence of the fault first, or never meet it (nobody that ran a job
          // was killed); one of a few names it.
          const seen: Array<string> = []
          for (const seed of [7, 8, 9]) {
            const defect = yield* simulate(seed, 800, spoil).pipe(
              Effect.as(undefined),
              Effect.catchDefect((defect) => Effect.succeed(defect as Error))
            )
            if (defect === undefined) continue
            assert.include(defect.message, `SEED=${seed}`)
            seen.push(defect.message)
            if (defect.message.includes(says)) return
          }
          assert.fail(`none of the histories says ${JSON.stringify(says)}: ${seen.join("\n")}`)
        }),
      60_000
    )
  }
})
