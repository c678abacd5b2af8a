/** One run of a stream at a time: a file that names the process. A file left by a dead process counts for nothing. */
import { Effect, type Scope } from "effect"
import { hostname } from "node:os"
import { markOf, stateOfMark } from "../../Queue/host/ProcessIdentity.ts"
import { StreamBusy, StreamError } from "../../Queue/StreamProcessor.ts"
import { StreamFiles } from "./StreamFiles.ts"
import { stateFailed } from "./StreamRecord.ts"

/** Runs of this process are told apart too. */
let runs = 0

/** After the number of the run: the host, and the mark of the process. */
const parse = (text: string) => {
  const [, host, ...mark] = text.split(" ")
  return { host, mark: mark.join(" ") }
}

/** Who cannot be seen from here, on another host or in another container, may be at work. */
const isHeld = (text: string): boolean => {
  const { host, mark } = parse(text)
  return host !== hostname() || stateOfMark(mark) !== "gone"
}

const busy = (file: string, text: string) => {
  const { host, mark } = parse(text)
  const [pid] = mark.split(" ")
  const at = host === hostname() ? "" : ` on ${host}`
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
    const mine = `${++runs} ${hostname()} ${markOf(process.pid)}`
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
