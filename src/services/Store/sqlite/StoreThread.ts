/**
 * The store's thread: opens the file, answers calls in the order they come, and keeps leases alive while the caller is
 * blocked.
 */
import { parentPort, workerData } from "node:worker_threads"
import type { Wake } from "../JobStore.ts"
import type { Turn } from "../Turn.ts"
import { Engine, type EngineTurnResult } from "./Engine.ts"
import type { Arguments, Operation } from "./Host.ts"
import { Liveness, untilFirstBeatMs } from "./Liveness.ts"
import { reasonOf } from "./StoreFault.ts"
import type { Reply, Request, ThreadSettings } from "./StoreMessage.ts"
import { decodeTurn, type EncodedTurn, encodeTurnResult } from "./TurnCodec.ts"

const port = parentPort!
const settings = workerData as ThreadSettings
const say = (reply: Reply): void => port.postMessage(reply)
/** Whom the commit of the call under way concerns: told with its answer, since each message wakes the caller. */
let told: Array<Wake> | undefined

/** Passes on what leases the thread may have to renew. */
const watch = (liveness: Liveness, operation: Operation, args: ReadonlyArray<unknown>, answer: unknown): void => {
  switch (operation) {
    case "turn":
      liveness.heard((args[0] as Turn).now)
      break
    case "join": {
      const [, { monotonic, now }, leaseMs] = args as Arguments<"join">
      liveness.heard(now, monotonic)
      liveness.leased(answer as number, leaseMs, untilFirstBeatMs)
      break
    }
    case "beat": {
      const [session, beat] = args as Arguments<"beat">
      liveness.heard(beat.now, beat.monotonic)
      if (answer === true) liveness.leased(session, beat.leaseMs, beat.mayBlockMs)
      else liveness.left(session)
      break
    }
    case "leave":
      liveness.left((args as Arguments<"leave">)[0])
      break
  }
}

const serve = (engine: Engine, liveness: Liveness): void => {
  port.on("message", ([sequence, operation, args, asked]: Request) => {
    if (operation === "listen") return engine.listen()
    if (operation === "watch" || operation === "unwatch") return engine.watch(operation === "watch")
    if (operation === "hold") {
      say([sequence, "done", undefined, []])
      Atomics.wait(settings.held, 0, 1)
      return
    }
    if (operation === "close") {
      engine.close()
      return port.close()
    }
    told = []
    try {
      const given = operation === "turn" ? [decodeTurn(args[0] as EncodedTurn)] : args
      const answer = engine.call(operation, given as Arguments<typeof operation>, asked)
      watch(liveness, operation, given, answer)
      say([sequence, "done", operation === "turn" ? encodeTurnResult(answer as EngineTurnResult) : answer, told])
    } catch (error) {
      say([sequence, "failed", reasonOf(error, settings.engine.path), told])
    } finally {
      told = undefined
    }
  })
}

try {
  const liveness = new Liveness(settings.signs, () => say([0, "alive?"]))
  const hear = (wakes: ReadonlyArray<Wake>) => (told === undefined ? say([0, "wake", wakes]) : void told.push(...wakes))
  const engine = new Engine(settings.engine, hear, liveness)
  serve(engine, liveness)
  say([0, "opened", engine.isShared])
} catch (error) {
  say([0, "refused", reasonOf(error, settings.engine.path)])
  port.close()
}
