import { assert, describe, it } from "@effect/vitest"
import { bottlenecks, type Period, type TaskPeriod } from "../../../../src/services/Profiling/policy/Bottleneck.ts"

const idle: Period = {
  wallMs: 1000,
  onCpu: 0.05,
  starved: 0,
  loopUtilisation: 0.05,
  gcShare: 0,
  cpu: 0.05,
  storeShare: 0.02,
  storeTurns: 10,
  diskShare: 0,
  networkShare: 0,
  diskBytes: 0,
  tasks: []
}

const task = (figures: Partial<TaskPeriod>): TaskPeriod => ({
  task: "work",
  attempts: 50,
  runMs: 1000,
  onLoopMs: 10,
  fastestMs: 20,
  closeEnds: 1,
  allocatedBytes: 0,
  ...figures
})

const kinds = (period: Partial<Period>) => bottlenecks({ ...idle, ...period }).map((found) => [found.kind, found.task])

describe("bottlenecks", () => {
  it("a worker whose jobs wait for something outside has none", () => {
    assert.deepStrictEqual(kinds({ tasks: [task({ runMs: 4000 })] }), [])
  })

  it("a loop that computes names the task that held it", () => {
    assert.deepStrictEqual(
      kinds({
        loopUtilisation: 1,
        onCpu: 0.97,
        tasks: [task({ task: "small", onLoopMs: 50 }), task({ onLoopMs: 900 })]
      }),
      [["cpu", "work"]]
    )
  })

  it("a machine that gives a busy loop no core is still a loop that computes", () => {
    assert.deepStrictEqual(kinds({ loopUtilisation: 1, onCpu: 0.4, starved: 0.57, tasks: [task({ onLoopMs: 950 })] }), [
      ["cpu", "work"]
    ])
  })

  it("a busy loop that hardly computes stands in a synchronous call", () => {
    const [found] = bottlenecks({
      ...idle,
      loopUtilisation: 1,
      onCpu: 0.15,
      tasks: [task({ onLoopMs: 950 })]
    })
    assert.strictEqual(found!.kind, "io")
    assert.include(found!.evidence[0]!, "synchronous")
  })

  it("collections above a tenth of the time name who allocates", () => {
    assert.deepStrictEqual(
      kinds({
        loopUtilisation: 1,
        onCpu: 0.98,
        gcShare: 0.25,
        tasks: [
          task({ onLoopMs: 400, allocatedBytes: 1e6 }),
          task({ task: "greedy", onLoopMs: 500, allocatedBytes: 1e9 })
        ]
      })[0],
      ["memory", "greedy"]
    )
  })

  it("requests in flight at the disk are named before the little computing beside them", () => {
    assert.deepStrictEqual(kinds({ diskShare: 0.95, diskBytes: 1e8, tasks: [task({ runMs: 3900 })] }), [["io", "work"]])
  })

  it("a store that is always in a turn while slots are empty is the bottleneck", () => {
    assert.deepStrictEqual(kinds({ storeShare: 0.97, tasks: [task({ runMs: 30 })] }), [["store", null]])
    assert.deepStrictEqual(kinds({ storeShare: 0.6, tasks: [task({ runMs: 4000 })] }), [])
  })

  it("several at a time that end one by one, each as late as one alone takes, wait for a lock", () => {
    assert.deepStrictEqual(kinds({ tasks: [task({ runMs: 3800, closeEnds: 0.01 })] }), [["lock", "work"]])
  })

  it("independent waits that happen to end evenly are no lock: one alone takes longer than the distance", () => {
    assert.deepStrictEqual(kinds({ tasks: [task({ runMs: 3800, closeEnds: 0, fastestMs: 76 })] }), [])
  })

  it("every finding explains a share of the time and says why", () => {
    for (const found of bottlenecks({
      ...idle,
      loopUtilisation: 1,
      onCpu: 1,
      gcShare: 0.3,
      storeShare: 0.9,
      diskShare: 0.8,
      tasks: [task({ onLoopMs: 600, runMs: 700, allocatedBytes: 5 })]
    })) {
      assert.isAtLeast(found.share, 0)
      assert.isAtMost(found.share, 1)
      assert.isNotEmpty(found.evidence)
    }
  })
})
