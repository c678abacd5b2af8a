import { assert, describe, it } from "@effect/vitest"
import { RankedJobs } from "../../../../src/services/Store/memory/RankedJobs.ts"
import type { StoredJob } from "../../../../src/services/Store/memory/StoredJob.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

const job = (id: number, rank: number) => ({ id, rank }) as unknown as StoredJob

const inOrder = (a: StoredJob, b: StoredJob) => a.rank - b.rank || a.id - b.id

const drained = (jobs: RankedJobs) => {
  const all: Array<StoredJob> = []
  for (let next = jobs.shift(); next !== undefined; next = jobs.shift()) all.push(next)
  return all
}

describe("RankedJobs", () => {
  it("keeps jobs of one rank in the order of their ids, though a lower one is added last", () => {
    const jobs = new RankedJobs((ranked) => ranked.rank)
    for (const id of [5, 7, 3]) jobs.add(job(id, 1))
    assert.deepStrictEqual(
      drained(jobs).map(({ id }) => id),
      [3, 5, 7]
    )
  })

  it("refuses to take out what is not in it", () => {
    const jobs = new RankedJobs((ranked) => ranked.rank)
    jobs.add(job(1, 1))
    assert.throws(() => jobs.remove(job(1, 1)), /not where its key says/)
  })

  for (const seed of seeds(5)) {
    it(`is a sorted list, whatever is added, taken and removed (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const jobs = new RankedJobs((ranked) => ranked.rank)
      let model: Array<StoredJob> = []
      let id = 0
      for (let step = 0; step < 200; step++) {
        const added = Array.from({ length: random.below(200) }, () =>
          job(++id, random.chance(0.5) ? step : random.below(50))
        )
        for (const each of added) jobs.add(each)
        model = [...model, ...added].sort(inOrder)
        for (let i = random.below(120); i > 0; i--) assert.strictEqual(jobs.shift(), model.shift())
        for (let i = random.below(40); i > 0 && model.length > 0; i--)
          jobs.remove(model.splice(random.below(model.length), 1)[0]!)
        assert.strictEqual(jobs.size, model.length)
        assert.strictEqual(jobs.first(), model[0])
      }
      assert.isAbove(model.length, 1500, "several chunks were in play")
      assert.deepStrictEqual(drained(jobs), model)
    })
  }
})
