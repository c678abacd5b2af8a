/** Each demo works on a store of its own, outside the tree, and leaves it for looking further. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { mkdirSync, lstatSync, readdirSync, rmSync } from "node:fs"
import path from "node:path"
import { type CommandFailure, fail } from "../Failure.ts"
import type { Invocation } from "../Invocation.ts"
import { stateFolder } from "../OpenStore.ts"

/** Stores of demos older than this are removed by the next one. */
export const keptFor = Duration.days(7)

/** `20261121-095037` in UTC. */
const stamp = (millis: number): string =>
  new Date(millis).toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15)

const stampPattern = /^\d{8}-\d{6}(-\d+)?$/

const removeOld = (folder: string, now: number): void => {
  for (const name of readdirSync(folder)) {
    const demo = path.join(folder, name)
    const store = stampPattern.test(name)
      ? lstatSync(path.join(demo, "queue.db"), { throwIfNoEntry: false })
      : undefined
    if (store !== undefined && now - store.mtimeMs > Duration.toMillis(keptFor))
      rmSync(demo, { recursive: true, force: true })
  }
}

/** A folder made just now, for this user alone. Demos that begin in the same second get one each. */
const makeFolder = (folder: string, now: number): string => {
  for (let n = 1; ; n++) {
    const made = path.join(folder, `${stamp(now)}${n === 1 ? "" : `-${n}`}`)
    try {
      mkdirSync(made, { mode: 0o700 })
      return made
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
  }
}

/** The path of a file that is not there yet, in a new folder below the state folder. */
export const begin: Effect.Effect<string, CommandFailure, Invocation> = Effect.gen(function* () {
  const folder = yield* stateFolder("demo")
  const now = yield* Clock.currentTimeMillis
  return yield* Effect.try({
    try: () => {
      removeOld(folder, now)
      return path.join(makeFolder(folder, now), "queue.db")
    },
    catch: (error) => fail("notAllowed", `no folder for the demo's store in ${folder}: ${(error as Error).message}`)
  })
})
