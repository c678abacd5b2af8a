/** One run of a stream at a time: a file that names the process. A file left by a dead process counts for nothing. */
import { Effect, type Scope } from "effect"
import { hostname } from "node:os"
import { isAlive, startOf } from "../../host/ProcessIdentity.ts"
import { StreamBusy, StreamError } from "../../StreamProcessor.ts"
import { StreamFiles } from "./StreamFiles.ts"
import { stateFailed } from "./StreamRecord.ts"

/** Runs of this process are told apart too. */
let runs = 0

const isHeld = (text: string): boolean => {
  const [pid, start, , ...host] = text.split(" ")
  if (host.join(" ") !== hostname()) return true
  return isAlive(Number(pid), start)
}

const busy = (file: string, text: string) => {
  const [pid, , , ...host] = text.split(" ")
  const at = host.join(" ") === hostname() ? "" : ` on ${host.join(" ")}`
  return new StreamError({
    reason: new StreamBusy({
      message: `Process ${pid}${at} runs this stream; wait for it or end it. If it is certainly gone, remove ${file}`,
      pid: Number(pid) || 0
    })
  })
}

export interface StreamLock {
  /** Fails with `StreamBusy` when another process has taken the lock meanwhile. */
  readonly check: Effect.Effect<void, StreamError>
}

/** Until the scope closes. */
export const lockStream = (file: string): Effect.Effect<StreamLock, StreamError, Scope.Scope> =>
  Effect.gen(function* () {
    const files = yield* StreamFiles
    const mine = `${process.pid} ${startOf(process.pid)} ${++runs} ${hostname()}`
    const read = Effect.map(Effect.mapError(files.readText(file), stateFailed(file)), (text) => text ?? "")
    const take = Effect.mapError(files.create(file, mine), stateFailed(file))
    const acquire = Effect.gen(function* () {
      if (yield* take) return
      const holder = yield* read
      if (isHeld(holder)) return yield* busy(file, holder)
      yield* Effect.mapError(files.remove(file), stateFailed(file))
      if (!(yield* take)) return yield* busy(file, yield* read)
    })
    const check = Effect.flatMap(read, (text) => (text === mine ? Effect.void : Effect.fail(busy(file, text))))
    yield* Effect.acquireRelease(acquire, () =>
      Effect.ignore(
        Effect.andThen(
          check,
          Effect.suspend(() => files.remove(file))
        )
      )
    )
    // Two that found the same dead holder may both have come this far; the last to write has it.
    yield* check
    return { check }
  })
