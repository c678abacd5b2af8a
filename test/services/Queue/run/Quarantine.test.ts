import { assert, describe, it } from "@effect/vitest"
import type { JobId } from "../../../../src/services/Queue/Job.ts"
import type { ClaimedJob } from "../../../../src/services/Store/Turn.ts"
import { patienceMs, Quarantine } from "../../../../src/services/Queue/run/Quarantine.ts"

const job = (id: number, lost = 0): ClaimedJob => ({
  id: id as JobId,
  task: "task",
  group: "group",
  priority: 5,
  due: 0,
  attempt: lost + 1,
  maxAttempts: 4,
  version: 0,
  payload: undefined,
  partitionKey: undefined,
  expiresAt: undefined,
  extra: undefined,
  lost
})

/** A worker that only writes down what it is told. */
const worker = () => {
  const running = new Map<JobId, ClaimedJob>()
  const told: Array<string> = []
  const waiting: Array<() => void> = []
  const timers = new Map<number, () => void>()
  const state = { starts: true }
  const quarantine = new Quarantine({
    running: {
      get size() {
        return running.size
      },
      ids: () => [...running.keys()]
    },
    starts: () => state.starts,
    start: (started) => {
      running.set(started.id, started)
      told.push(`start ${started.id}`)
    },
    handBack: ({ id }) => void told.push(`back ${id}`),
    stored: (then) => void waiting.push(then),
    after: (ms, then) => {
      timers.set(ms, then)
      return () => timers.delete(ms)
    },
    opened: () => void told.push("opened")
  })
  return {
    quarantine,
    running,
    state,
    timers,
    told: () => told.splice(0),
    store: () => {
      for (const then of waiting.splice(0)) then()
    },
    end: (id: number) => {
      running.delete(id as JobId)
      quarantine.ended(id as JobId)
    }
  }
}

describe("Quarantine", () => {
  it("lets pass what was lost less than twice", () => {
    const { quarantine } = worker()
    assert.isFalse(quarantine.concerns([job(1), job(2, 1)]))
    assert.isTrue(quarantine.concerns([job(1), job(2, 2)]))
    assert.isFalse(quarantine.isShut)
  })

  it("of several suspects starts one, when the rest is stored", () => {
    const { end, quarantine, store, told } = worker()
    quarantine.isolate([job(1), job(2, 2), job(3, 3)])
    assert.deepStrictEqual(told(), ["back 1", "back 3"])
    assert.deepStrictEqual([quarantine.isShut, quarantine.isHolding], [true, true])
    store()
    assert.deepStrictEqual(told(), ["start 2"])
    assert.deepStrictEqual([quarantine.isShut, quarantine.isHolding], [true, false])
    end(2)
    assert.deepStrictEqual(told(), ["opened"])
    assert.isFalse(quarantine.isShut)
  })

  it("forgets a suspect whose lease was lost before it began, and may hold another", () => {
    const { quarantine, store, told } = worker()
    quarantine.isolate([job(1, 2)])
    quarantine.fenced()
    assert.deepStrictEqual(told(), ["opened"])
    quarantine.isolate([job(2, 2)])
    store()
    assert.deepStrictEqual(told(), ["start 2"])
  })

  it("hands a suspect back when the worker drains before it began", () => {
    const { quarantine, state, store, told } = worker()
    quarantine.isolate([job(1, 2)])
    state.starts = false
    store()
    assert.deepStrictEqual(told(), ["back 1", "opened"])
    assert.isFalse(quarantine.isHolding)
  })

  it("starts the bystanders of a suspect that has to wait, and opens when the last has ended", () => {
    const { end, quarantine, running, timers, told } = worker()
    running.set(9 as JobId, job(9))
    quarantine.isolate([job(1), job(2, 2)])
    assert.deepStrictEqual(told(), ["start 1", "back 2"])
    assert.deepStrictEqual([...timers.keys()], [patienceMs])
    end(9)
    assert.isTrue(quarantine.isShut)
    end(1)
    assert.deepStrictEqual([quarantine.isShut, timers.size, told()], [false, 0, ["opened"]])
  })

  it("does not wait beyond its patience; only the jobs that outlasted it keep suspects from being alone", () => {
    const { end, quarantine, running, timers } = worker()
    running.set(9 as JobId, job(9))
    quarantine.isolate([job(2, 2)])
    timers.get(patienceMs)!()
    assert.isFalse(quarantine.isShut)
    assert.isFalse(quarantine.concerns([job(2, 2)]))
    running.set(2 as JobId, job(2, 2))
    end(9)
    assert.isTrue(quarantine.concerns([job(3, 2)]))
  })

  it("leaves no timer behind when the worker has stopped", () => {
    const { quarantine, running, timers } = worker()
    running.set(9 as JobId, job(9))
    quarantine.isolate([job(2, 2)])
    quarantine.close()
    assert.strictEqual(timers.size, 0)
  })
})
