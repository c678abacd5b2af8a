import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"

const script = fileURLToPath(new URL("../../../support/queue/looseFailures.ts", import.meta.url))

const run = (...args: ReadonlyArray<string>) =>
  new Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((resolve) =>
    execFile(process.execPath, [script, ...args], { timeout: 30_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
    )
  )

interface Became {
  readonly task: string
  readonly state: string
  readonly attempt: number
  readonly why: string
}

describe("what handlers leave behind", () => {
  it("a rejection that nobody handles fails the attempt that left it, and neither the process nor a bystander", async () => {
    const { code, stderr, stdout } = await run()
    assert.strictEqual(code, 0, stderr)
    const became = JSON.parse(stdout.trim().split("\n").at(-1)!) as ReadonlyArray<Became>
    const of = (task: string) => became.filter((job) => job.task === task)
    assert.deepInclude(of("bystander")[0]!, { state: "completed", attempt: 1 })
    for (const [task, why] of [
      ["at-once", /nobody handled it: Error: loose at once/],
      ["soon", /loose after 5 ms/],
      ["in-promise", /loose after 1 ms/],
      ["in-child", /loose after 2 ms/],
      ["odd", /nobody handled it: an error that cannot be read/]
    ] as const) {
      assert.strictEqual(of(task)[0]!.state, "failed", task)
      assert.match(of(task)[0]!.why, why)
    }
    // It had ended when it failed: its result stands, and who left it is said.
    assert.strictEqual(of("late")[0]!.state, "completed")
    assert.match(
      `${stdout}${stderr}`,
      /job \w{11} of late, attempt 1, has ended; of what it left a promise was rejected/
    )
    // A call of three fails as a whole, and each of them runs alone.
    assert.deepStrictEqual(
      of("together").map(({ state }) => state),
      ["completed", "completed", "completed"]
    )
  }, 30_000)

  it("an exception that nobody catches ends the process as ever, and says who left it", async () => {
    const { code, stderr } = await run("throw")
    assert.notStrictEqual(code, 0)
    assert.match(
      stderr,
      /sluice: an exception that nobody caught ends this process: Error: nobody catches this; left by job \w{11} of throws/
    )
  }, 30_000)
})
