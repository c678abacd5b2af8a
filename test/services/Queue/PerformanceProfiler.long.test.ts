/** Programs with a planted fault, each in a process of its own: the profiler must name it. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { ProfilingReport } from "../../../src/services/Queue/index.ts"

const program = (name: string) => fileURLToPath(new URL(`../../support/profiler/${name}.ts`, import.meta.url))

const run = async <A>(name: string, args: ReadonlyArray<string>, flags: ReadonlyArray<string> = []): Promise<A> => {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, program(name), ...args], {
    maxBuffer: 64 * 1024 * 1024
  })
  return JSON.parse(stdout) as A
}

const times = process.env.SLUICE_LONG === "reduced" ? 1 : 5

describe("a planted bottleneck is named", () => {
  for (const [planted, whose] of [
    ["cpu", "planted"],
    ["memory", "planted"],
    ["io", "planted"],
    ["store", null],
    ["lock", "planted"]
  ] as const) {
    it(`${planted}, ${times} times`, async () => {
      for (let i = 0; i < times; i++) {
        const { bottlenecks, flame } = await run<ProfilingReport.ProfilingReport>("planted", [planted])
        assert.deepStrictEqual([bottlenecks[0]?.kind, bottlenecks[0]?.task], [planted, whose])
        assert.isNotEmpty(bottlenecks[0]!.evidence)
        assert.isNotEmpty(flame.children)
      }
    })
  }

  it("and none where jobs only wait", async () => {
    const { bottlenecks } = await run<ProfilingReport.ProfilingReport>("planted", ["none"])
    assert.deepStrictEqual(bottlenecks, [])
  })
})

interface Leaks {
  readonly hints: ProfilingReport.ProfilingReport["leaks"]
  readonly kept: number
}

describe("a leak", () => {
  it("of 1 kB per job is told with its task and size, and no other task is accused", async () => {
    for (let i = 0; i < times; i++) {
      const { hints, kept } = await run<Leaks>("leaking", [], ["--expose-gc"])
      assert.isAbove(kept, 10_000)
      assert.deepStrictEqual(
        hints.map(({ task }) => task),
        ["leaky"]
      )
      assert.approximately(hints[0]!.bytesPerAttempt, 1024, 200)
    }
  })

  it("is not told of a process that keeps nothing", async () => {
    for (let i = 0; i < times; i++)
      assert.deepStrictEqual((await run<Leaks>("leaking", ["--tight"], ["--expose-gc"])).hints, [])
  })
})
