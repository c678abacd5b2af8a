import { assert, describe, it } from "@effect/vitest"
import { DiskPace } from "../../../../src/services/Queue/outputs/DiskPace.ts"

/** A disk that takes `millis` to answer, and who was asked. */
const disk = (inARow?: number) => {
  const state = { now: 0, millis: 0 }
  const pace = new DiskPace(inARow, () => state.now)
  const answer = () => {
    state.now += state.millis
  }
  const ask = async (): Promise<string> =>
    pace.ask(
      () => {
        answer()
        return "at once"
      },
      async () => {
        answer()
        return "thread"
      }
    )
  return { ask, state }
}

describe("a disk", () => {
  it("is asked at once while it answers quickly", async () => {
    const { ask, state } = disk()
    state.millis = 0.5
    for (let i = 0; i < 100; i++) assert.strictEqual(await ask(), "at once")
  })

  it("is asked by threads from a slow answer on, until a quick one", async () => {
    const { ask, state } = disk()
    state.millis = 200
    const slow = [await ask(), await ask(), await ask()]
    state.millis = 0.5
    const quick = [await ask(), await ask(), await ask()]
    assert.deepStrictEqual(slow, ["at once", "thread", "thread"])
    assert.deepStrictEqual(quick, ["thread", "at once", "at once"])
  })

  it("is slow too when it fails late", async () => {
    let now = 0
    const pace = new DiskPace(Infinity, () => now)
    const fails = () => {
      now += 1000
      throw new Error("EIO")
    }
    assert.throws(() => pace.ask(fails, async () => {}), "EIO")
    assert.instanceOf(
      pace.ask(
        () => {},
        async () => {}
      ),
      Promise
    )
  })

  it("leaves the event loop to others after so many answers in a row", async () => {
    const { ask } = disk(2)
    const asked: Array<string> = []
    for (let i = 0; i < 6; i++) asked.push(await ask())
    assert.deepStrictEqual(asked, ["at once", "at once", "thread", "at once", "at once", "thread"])
  })
})
