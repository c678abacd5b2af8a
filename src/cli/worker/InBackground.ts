/** A worker that is started in the background, and has joined the store before anybody is told of it. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as OwnFile from "../../files/OwnFile.ts"
import { TaskQueue } from "../../services/Queue/index.ts"
import { fail, passOn } from "../Failure.ts"
import { hint } from "../Hint.ts"
import { Invocation } from "../Invocation.ts"
import { stateFolder } from "../OpenStore.ts"
import { output } from "../Output.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import * as Background from "./Background.ts"

/** How long it may take to join the store, in milliseconds. */
const joinWithinMs = 15_000

const lastLine = (file: string): string => (OwnFile.readText(file) ?? "").trimEnd().split("\n").at(-1) ?? ""

/**
 * Starts `sluice` with `args`, which make a worker on `store`, and waits until it has joined it, or had nothing to do
 * and ended well. Answers its process id. Its log keeps what it says.
 */
export const startInBackground = (args: ReadonlyArray<string>, store: string, childEnv: NodeJS.ProcessEnv) =>
  Effect.gen(function* () {
    const { cwd } = yield* Invocation
    const out = yield* output
    const folder = yield* stateFolder("workers")
    const now = yield* Clock.currentTimeMillis
    const started = yield* Background.start(folder, { args, cwd, env: childEnv, store, now })
    const queue = yield* TaskQueue
    const joined = yield* Effect.gen(function* () {
      const supervised = args.includes("--processes")
      for (let waited = 0; waited < joinWithinMs; waited += 50) {
        if (started.exited() !== undefined) return false
        const workers = yield* queue.workers
        if (workers.some(({ pid, startedAt }) => (supervised ? startedAt >= now : pid === started.pid))) return true
        yield* Effect.sleep(50)
      }
      return false
    })
    if (!joined) {
      const code = started.exited()
      Background.forget(folder, started.pid)
      const line = lastLine(started.log).replace(/^sluice: /, "")
      if (code !== undefined && code !== 0) {
        yield* out.stderr.write(`sluice: ${Sanitize.line(line === "" ? "the worker ended at once" : line)}\n`)
        return yield* passOn(code)
      }
      if (code === undefined)
        return yield* fail(
          "timedOut",
          `the worker did not join the store within ${joinWithinMs / 1000} s; see ${started.log}`
        )
    }
    yield* out.note(
      `sluice: worker ${started.pid} serves in the background; ${yield* hint("sluice worker stop")} ends it, its log is ${started.log}`
    )
    return started.pid
  })
