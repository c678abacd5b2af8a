import { assert, describe, it } from "@effect/vitest"
import { PrintTurns } from "../../../src/cli/map/PrintTurns.ts"
import { SeededRandom } from "../../support/SeededRandom.ts"

/** All that may be printed now. */
const print = (turns: PrintTurns<string>): ReadonlyArray<string> => {
  const printed: Array<string> = []
  for (let block = turns.next(); block !== undefined; block = turns.next()) printed.push(block)
  return printed
}

describe("whose turn it is to print", () => {
  it("is in order that of the first line that is not printed, whatever ends before it", () => {
    const turns = new PrintTurns<string>(true)
    turns.end(2, "b")
    turns.end(3, "c")
    assert.deepStrictEqual(print(turns), [])
    assert.strictEqual(turns.waiting, 2)
    turns.end(1, "a")
    assert.deepStrictEqual(print(turns), ["a", "b", "c"])
    assert.strictEqual(turns.waiting, 0)
  })

  it("is without order that of whoever ended first", () => {
    const turns = new PrintTurns<string>(false)
    turns.end(3, "c")
    turns.end(1, "a")
    assert.deepStrictEqual(print(turns), ["c", "a"])
  })

  it("is that of a line that runs and wants it, until it has ended; in order when all before it are printed", () => {
    for (const ordered of [true, false]) {
      const turns = new PrintTurns<string>(ordered)
      let granted = 0
      turns.want(2, () => granted++)
      if (ordered) {
        assert.deepStrictEqual(print(turns), [])
        assert.strictEqual(granted, 0, "line 1 comes before it")
        turns.end(1, "a")
        assert.deepStrictEqual(print(turns), ["a"])
      } else assert.deepStrictEqual(print(turns), [])
      assert.strictEqual(granted, 1)
      assert.isTrue(turns.owns(2) && turns.isTaken)
      turns.want(2, () => granted++)
      assert.strictEqual(granted, 2, "at once, since it has it")
      turns.end(3, "c")
      assert.deepStrictEqual(print(turns), [], "it has not ended")
      turns.end(2, "b")
      assert.deepStrictEqual(print(turns), ["b", "c"])
      assert.isFalse(turns.isTaken)
    }
  })

  it("passes from a line that is given up to the others, in order to nobody behind it", () => {
    const free = new PrintTurns<string>(false)
    free.want(1, () => {})
    print(free)
    free.end(2, "b")
    free.giveUp(1)
    assert.deepStrictEqual(print(free), ["b"])
    const inOrder = new PrintTurns<string>(true)
    inOrder.end(2, "b")
    inOrder.giveUp(1)
    assert.deepStrictEqual(print(inOrder), [])
  })

  it("comes to every line once, never to two, in any order of events", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new SeededRandom(seed)
      const ordered = seed % 2 === 0
      const turns = new PrintTurns<number>(ordered)
      const lines = 1 + random.below(12)
      const running = new Set(Array.from({ length: lines }, (_, i) => i + 1))
      const printed: Array<number> = []
      let owner: number | undefined
      const look = () => {
        for (let line = turns.next(); line !== undefined; line = turns.next()) {
          assert.isTrue(owner === undefined || owner === line, `seed ${seed}: ${line} while ${owner} owns the output`)
          owner = undefined
          printed.push(line)
        }
      }
      while (running.size > 0) {
        const line = random.pick([...running])
        if (random.chance(0.3))
          turns.want(line, () => {
            assert.isTrue(owner === undefined || owner === line, `seed ${seed}`)
            owner = line
          })
        else {
          running.delete(line)
          turns.end(line, line)
        }
        if (random.chance(0.7)) look()
      }
      look()
      const all = Array.from({ length: lines }, (_, i) => i + 1)
      assert.deepStrictEqual(ordered ? printed : printed.toSorted((a, b) => a - b), all, `seed ${seed}`)
    }
  })
})
