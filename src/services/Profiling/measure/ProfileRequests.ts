/**
 * Lets the command line profile this worker: looks every two seconds for a request in the store's profile folder, does
 * what it asks for and saves what came of it there. A worker whose event loop is blocked takes its request when it
 * turns again.
 */
import { Effect, Exit, Fiber, Layer } from "effect"
import { parseJobId } from "../../Queue/policy/JobIds.ts"
import { PerformanceProfiler, type RecordedProfile } from "../../Queue/PerformanceProfiler.ts"
import { type ProfileAnswer, ProfileFolder, type ProfileRequest } from "./ProfileFolder.ts"

/** How often is looked, in milliseconds: one failing `open` of a file. */
const everyMs = 2000
/** A profile nobody stops ends after this long, in milliseconds: its samples rest in memory. */
const longestMs = 10 * 60_000

const nothing: ProfileAnswer = { profile: null, problem: null, figures: null }

export const serve = (folder: string) =>
  Effect.gen(function* () {
    const profiler = yield* PerformanceProfiler
    const files = new ProfileFolder(folder)
    let stopping: Fiber.Fiber<void> | undefined

    const save = (profile: RecordedProfile): ProfileAnswer => {
      files.save(profile)
      return { ...nothing, profile: profile.report.id }
    }

    const later = <E>(work: Effect.Effect<RecordedProfile, E>) =>
      work.pipe(
        Effect.map(save),
        Effect.tapCause((cause) => Effect.logWarning("A profile could not be saved", cause)),
        Effect.ignore,
        Effect.forkScoped
      )

    const answerTo = (request: ProfileRequest) =>
      Effect.gen(function* () {
        switch (request.action) {
          case "start": {
            if (yield* profiler.isProfiling) return { ...nothing, problem: "a profile is being taken already" }
            yield* profiler.startProfiling
            stopping = yield* later(
              Effect.andThen(
                Effect.sleep(Math.min(request.forMs ?? longestMs, longestMs)),
                profiler.stopRecording("worker")
              )
            )
            return nothing
          }
          case "stop": {
            const recorded = yield* Effect.exit(profiler.stopRecording("worker"))
            if (stopping !== undefined) yield* Fiber.interrupt(stopping)
            stopping = undefined
            return Exit.isSuccess(recorded)
              ? save(recorded.value)
              : { ...nothing, problem: "no profile is being taken; start one with: sluice profile start" }
          }
          case "job": {
            const id = parseJobId(request.job ?? "")
            if (id === undefined) return { ...nothing, problem: "the request names no job" }
            if (yield* profiler.isProfiling) return { ...nothing, problem: "a profile is being taken already" }
            yield* later(profiler.profileJob(id))
            return nothing
          }
          case "figures":
            return {
              ...nothing,
              figures: yield* profiler.read(request.forMs === null ? undefined : Math.min(request.forMs, longestMs))
            }
        }
      })

    const serveRequest = (request: ProfileRequest) =>
      answerTo(request).pipe(
        Effect.map((answer) => files.answer(request.id, answer)),
        Effect.catchCause((cause) => Effect.logWarning("A request for a profile could not be served", cause))
      )

    const look = Effect.suspend(() => {
      const request = files.takeRequest(process.pid)
      if (request === undefined) return Effect.void
      // Figures of a time to come are waited for; other requests are served meanwhile.
      return request.action === "figures" ? Effect.forkScoped(serveRequest(request)) : serveRequest(request)
    }).pipe(Effect.catchCause((cause) => Effect.logWarning("A request for a profile could not be read", cause)))

    // A request to an earlier process of this number.
    const withdrawn = yield* Effect.exit(Effect.try({ try: () => files.withdraw(process.pid), catch: String }))
    if (Exit.isFailure(withdrawn))
      return yield* Effect.logWarning("This worker cannot be asked for profiles", withdrawn.cause)
    yield* look.pipe(Effect.andThen(Effect.sleep(everyMs)), Effect.forever, Effect.forkScoped)
  })

/** For programs with a worker of their own: `folder` is that of the store, `folderOf(file)`. */
export const layer = (folder: string): Layer.Layer<never, never, PerformanceProfiler> =>
  Layer.effectDiscard(serve(folder))
