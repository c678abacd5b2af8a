import { assert, describe, it } from "@effect/vitest"
import {
  allocatedByOwner,
  type CpuProfile,
  foldedStacks,
  type HeapNode,
  nobody,
  readProfile
} from "../../../../src/services/Profiling/policy/ProfileTree.ts"

const frame = (functionName: string, url = "", lineNumber = 0) => ({ functionName, url, lineNumber })

/** main calls work and work calls itself; a millisecond each sample. */
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame("(root)"), children: [2, 5, 6, 7] },
    { id: 2, callFrame: frame("main", "file:///app/main.ts", 9), children: [3] },
    { id: 3, callFrame: frame("work", "file:///app/work.ts", 4), children: [4] },
    { id: 4, callFrame: frame("work", "file:///app/work.ts", 4) },
    { id: 5, callFrame: frame("(idle)") },
    { id: 6, callFrame: frame("(garbage collector)") },
    { id: 7, callFrame: frame("(program)") }
  ],
  startTime: 1000,
  endTime: 8000,
  samples: [2, 3, 4, 5, 6, 7],
  timeDeltas: [1000, 1000, 1000, 1000, 1000, 1000]
}

const reading = readProfile(profile, (at) => (at >= 3000 && at < 5000 ? "resize" : undefined))

describe("reading a CPU profile", () => {
  it("tells working from waiting, and collections apart", () => {
    const { busyMs, gcMs, idleMs, programMs, samples } = reading
    assert.deepStrictEqual(
      { busyMs, gcMs, idleMs, programMs, samples },
      { busyMs: 4, gcMs: 1, idleMs: 1, programMs: 1, samples: 6 }
    )
  })

  it("counts a function's own time, and recursion once", () => {
    const work = reading.hottest.find(({ name }) => name === "work")!
    assert.deepStrictEqual(work, { name: "work", at: "/app/work.ts:5", selfMs: 2, totalMs: 2 })
    assert.strictEqual(reading.hottest.find(({ name }) => name === "main")!.totalMs, 3)
  })

  it("attributes samples by their time", () => {
    assert.deepStrictEqual(
      reading.owners.map(({ ms, owner }) => [owner, ms]),
      [["resize", 2]]
    )
  })

  it("draws a tree whose parts add up, first by whose work it was", () => {
    assert.strictEqual(reading.flame.ms, 4)
    assert.deepStrictEqual(
      reading.flame.children.map(({ ms, name }) => [name, ms]),
      [
        [nobody, 2],
        ["resize", 2]
      ]
    )
  })

  it("folds stacks to a line each, with their own microseconds", () => {
    assert.deepStrictEqual([...foldedStacks(reading.flame)].sort(), [
      `${nobody};(garbage collector) 1000`,
      `${nobody};main (/app/main.ts:10) 1000`,
      "resize;main (/app/main.ts:10);work (/app/work.ts:5) 1000",
      "resize;main (/app/main.ts:10);work (/app/work.ts:5);work (/app/work.ts:5) 1000"
    ])
  })

  it("leaves out frames the measuring brought in", () => {
    const { flame } = readProfile(
      profile,
      () => "resize",
      ({ functionName }) => functionName === "main"
    )
    assert.notInclude(JSON.stringify(flame), "main.ts")
  })
})

describe("reading an allocation profile", () => {
  it("gives bytes to the innermost owner on the stack", () => {
    const node = (name: string, selfSize: number, ...children: ReadonlyArray<HeapNode>): HeapNode => ({
      callFrame: frame(name),
      selfSize,
      children
    })
    const head = node("(root)", 0, node("other", 5), node("task a", 1, node("f", 10, node("task b", 2, node("g", 20)))))
    const sums = allocatedByOwner(head, ({ functionName }) =>
      functionName.startsWith("task ") ? functionName : undefined
    )
    assert.deepStrictEqual(
      [...sums],
      [
        [nobody, 5],
        ["task a", 11],
        ["task b", 22]
      ]
    )
  })
})
