/** Requests to the workers of this machine that serve the store, through its profile folder. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { hostname } from "node:os"
import { isWorkerAlive, type ProfileFolder, TaskQueue } from "../../services/Queue/index.ts"
import { fail } from "../Failure.ts"
import { onFiles } from "./Profiles.ts"

/**
 * A worker looks every two seconds; one that has not answered by then is blocked or does not listen. In milliseconds.
 */
const answerWithinMs = 15_000
const lookMs = 50

export interface Answered {
  readonly pid: number
  /** Undefined: none came. */
  readonly answer: ProfileFolder.ProfileAnswer | undefined
}

/** Process ids of workers alive here: all, or those named. */
const workersHere = (pids: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const alive = (yield* TaskQueue.use((queue) => queue.workers))
      .filter((worker) => worker.host === hostname() && isWorkerAlive(worker, now))
      .map(({ pid }) => pid)
    const here = [...new Set(alive)]
    const missing = pids.find((pid) => !here.includes(pid))
    if (missing !== undefined)
      return yield* fail(
        "notFound",
        `no worker ${missing} of this store is alive on this machine; those that are: ${here.join(", ") || "none"}`
      )
    if (here.length === 0)
      return yield* fail(
        "notFound",
        "no worker of this store is alive on this machine; start one with: sluice worker -d"
      )
    return pids.length > 0 ? pids : here
  })

/**
 * Asks each and waits for the answers, `takesMs` longer than for one that comes at once. What nobody took is withdrawn.
 */
export const ask = (
  files: ProfileFolder.ProfileFolder,
  pids: ReadonlyArray<number>,
  request: Pick<ProfileFolder.ProfileRequest, "action" | "forMs" | "job">,
  takesMs = 0
) =>
  Effect.gen(function* () {
    const chosen = yield* workersHere(pids)
    const now = yield* Clock.currentTimeMillis
    const idOf = (pid: number) => `${now}-${process.pid}-${pid}`
    yield* onFiles("the workers cannot be asked", () => {
      for (const pid of chosen) files.request(pid, { id: idOf(pid), ...request })
    })
    const answers: Array<Answered> = []
    const left = new Set(chosen)
    for (let waited = 0; left.size > 0 && waited < answerWithinMs + takesMs; waited += lookMs) {
      yield* Effect.sleep(lookMs)
      for (const pid of left) {
        const answer = yield* onFiles("an answer cannot be read", () => files.takeAnswer(idOf(pid)))
        if (answer === undefined) continue
        answers.push({ pid, answer })
        left.delete(pid)
      }
    }
    for (const pid of left) {
      yield* onFiles("a request cannot be withdrawn", () => files.withdraw(pid))
      answers.push({ pid, answer: undefined })
    }
    return answers
  })

/** Why a worker did not do it; undefined when it did. */
export const problemOf = ({ answer, pid }: Answered): string | undefined =>
  answer === undefined
    ? `worker ${pid} did not answer within ${answerWithinMs / 1000} s: its event loop is blocked, or its program does not listen (Sluice.layerProfileRequests)`
    : answer.problem === null
      ? undefined
      : `worker ${pid}: ${answer.problem}`
