/** `sluice top` at work: looks at the store, draws, and does what keys ask. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import { Job, type JobId, TaskQueue } from "../../services/Queue/index.ts"
import { describeCause } from "../Failure.ts"
import { endedBy } from "../Signals.ts"
import * as FullScreen from "../terminal/FullScreen.ts"
import type { Keyboard } from "../terminal/Keyboard.ts"
import type { Screen } from "../terminal/Screen.ts"
import type { Style } from "../terminal/Style.ts"
import { jobsInView, layout } from "./Layout.ts"
import { makeReading } from "./Reading.ts"
import type { Snapshot } from "./Snapshot.ts"
import * as View from "./View.ts"

export interface TopOptions {
  readonly stdin: Keyboard
  readonly stdout: Screen
  readonly style: Style
  /** Between two looks at the store. */
  readonly interval: Duration.Duration
  /** Only this group. */
  readonly group: string | undefined
}

/** Between two frames: ten a second at most, however fast things change. */
const frameEvery = "100 millis"

const emptySnapshot = (store: string, at: number): Snapshot => ({
  at,
  store,
  paused: false,
  counts: { scheduled: 0, pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 },
  groups: [],
  workers: [],
  alerts: [],
  jobs: [],
  unread: 0,
  followed: undefined
})

/** Ends when a person quits, by Ctrl-C with its exit code, or when the terminal is gone. */
export const top = Effect.fnUntraced(function* (options: TopOptions) {
  const queue = yield* TaskQueue
  const reading = yield* makeReading
  const screen = yield* FullScreen.open(options)
  let snapshot = emptySnapshot(queue.store.label, yield* Clock.currentTimeMillis)
  let view = View.begin
  // A note that something is to be drawn, or to be read, is the same however often it is left.
  const toDraw = yield* Queue.sliding<void>(1)
  const toRead = yield* Queue.sliding<void>(1)
  const redraw = Queue.offer(toDraw, undefined)

  const say = (text: string, bad: boolean) =>
    Effect.suspend(() => {
      view = { ...view, said: { text, bad } }
      return redraw
    })
  const failed = (cause: Cause.Cause<unknown>) => say(describeCause(cause).line, true)
  /** What Effects log while the screen is taken: one line of the footer. */
  const logger = Logger.make<unknown, void>(({ message }) => {
    view = {
      ...view,
      said: { text: Array.isArray(message) ? message.map(String).join(" ") : String(message), bad: true }
    }
    Queue.offerUnsafe(toDraw, undefined)
  })

  const look = Effect.suspend(() =>
    reading.look({
      group: options.group,
      filtered: view.filter !== "",
      following: view.following?.id,
      inView: (found) => jobsInView(found, View.settled(view, found), screen.size()).map(({ id }) => id)
    })
  ).pipe(
    Effect.flatMap((found) => {
      snapshot = found
      view = View.settled(view, found)
      return redraw
    }),
    Effect.catchCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.failCause(cause) : failed(cause)))
  )
  const keepLooking = Effect.forever(Effect.andThen(look, Effect.timeoutOption(Queue.take(toRead), options.interval)))
  const keepDrawing = Queue.take(toDraw).pipe(
    Effect.andThen(Effect.suspend(() => screen.draw(layout(snapshot, view, screen.size())))),
    Effect.andThen(Effect.sleep(frameEvery)),
    Effect.forever
  )

  const change = (what: string, effect: Effect.Effect<unknown, unknown>) =>
    effect.pipe(
      Effect.andThen(say(what, false)),
      Effect.catchCause(failed),
      Effect.andThen(Queue.offer(toRead, undefined))
    )
  const text = (id: JobId) => Job.formatJobId(id)

  /** What a key asks for is done before the next one is looked at. True: it is over. */
  const act = (intent: View.Intent) => {
    switch (intent._tag) {
      case "Quit":
        return Effect.succeed(true)
      case "Interrupt":
        return Effect.fail(endedBy("SIGINT"))
      case "Suspend":
        return Effect.as(screen.suspend, false)
      case "Redraw":
        return Effect.as(screen.forget, false)
      case "Read":
        return Effect.as(Queue.offer(toRead, undefined), false)
      case "Cancel":
        return Effect.as(change(`cancelled ${text(intent.id)}`, queue.cancel(intent.id)), false)
      case "Retry":
        return Effect.as(change(`queued again ${text(intent.id)}`, queue.retry(intent.id)), false)
      case "Pause":
        return Effect.as(change(`paused ${intent.group}; what runs goes on`, queue.pause(intent.group)), false)
      case "Resume":
        return Effect.as(change(`resumed ${intent.group}`, queue.resume(intent.group)), false)
    }
  }

  const heed = Effect.gen(function* () {
    const event = yield* Queue.take(screen.events)
    if (event._tag === "Closed") return yield* endedBy("SIGHUP")
    yield* redraw
    if (event._tag === "Stale") return false
    const page = Math.max(1, screen.size().rows - 2)
    const pressed = View.pressed(view, snapshot, event.key, page)
    view = pressed.view
    return pressed.intent === undefined ? false : yield* act(pressed.intent)
  })

  yield* Effect.gen(function* () {
    yield* Effect.forkScoped(keepLooking)
    yield* Effect.forkScoped(keepDrawing)
    yield* Effect.forkScoped(reading.forecasts)
    yield* Effect.repeat(heed, { until: (over) => over })
  }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set([logger])))
}, Effect.scoped)
