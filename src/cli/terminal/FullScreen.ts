/**
 * A terminal taken over whole: raw keys in, frames out, the screen of before given back in the end, whatever the end
 * is: a normal one, an interrupt, a signal, Ctrl-Z, or an exception that ends the process. Frames are written as
 * differences, at most ten a second; only a new size or a screen that was away is painted whole.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { sequence } from "./ControlSequence.ts"
import * as Frame from "./Frame.ts"
import type { Keyboard } from "./Keyboard.ts"
import * as Keys from "./Keys.ts"
import type { Screen } from "./Screen.ts"
import type { Style } from "./Style.ts"

export type ScreenEvent =
  | { readonly _tag: "Key"; readonly key: Keys.Key }
  /** Another size, or back from where it was away: to be drawn again. */
  | { readonly _tag: "Stale" }
  /** Nobody can press a key any more. */
  | { readonly _tag: "Closed" }

export interface FullScreen {
  readonly events: Queue.Dequeue<ScreenEvent>
  readonly size: () => Frame.Size
  /** Shows these lines; completes when the terminal has taken them, so a slow line draws fewer frames. */
  readonly draw: (lines: ReadonlyArray<Frame.Line>) => Effect.Effect<void>
  /** The next `draw` paints the whole screen. */
  readonly forget: Effect.Effect<void>
  /** As Ctrl-Z: gives the terminal back and stops the process group; completes when it goes on. */
  readonly suspend: Effect.Effect<void>
}

/** What follows an Escape of a key does so within this; by itself it is the key Escape. In milliseconds. */
const escapeMillis = 50

const enter = sequence("?1049", "h") + sequence("?25", "l")
const leave = sequence("?25", "h") + sequence("?1049", "l")

export const open = (options: {
  readonly stdin: Keyboard
  readonly stdout: Screen
  readonly style: Style
}): Effect.Effect<FullScreen, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { stdin, stdout, style } = options
    const events = yield* Queue.unbounded<ScreenEvent>()
    let shown: Frame.Frame | undefined
    let isTaken = false
    const size = (): Frame.Size => ({ columns: stdout.columns(), rows: stdout.rows() })

    const raw = (on: boolean) => {
      try {
        stdin.setRawMode?.(on)
      } catch {
        // The terminal is gone, and its settings with it.
      }
    }
    const take = Effect.suspend(() => {
      isTaken = true
      shown = undefined
      raw(true)
      return stdout.write(enter)
    })
    const giveBack = Effect.suspend(() => {
      if (!isTaken) return Effect.void
      isTaken = false
      raw(false)
      return stdout.write(leave)
    })
    const stale = () => {
      shown = undefined
      Queue.offerUnsafe(events, { _tag: "Stale" })
    }

    // Keys. What is pending is Escape by itself when nothing follows.
    let pending: Uint8Array = new Uint8Array()
    let timer: NodeJS.Timeout | undefined
    const press = (keys: ReadonlyArray<Keys.Key>) => {
      for (const key of keys) Queue.offerUnsafe(events, { _tag: "Key", key })
    }
    const onData = (bytes: Uint8Array) => {
      clearTimeout(timer)
      const decoded = Keys.decode(pending, bytes)
      pending = decoded.pending
      press(decoded.keys)
      if (pending.length > 0)
        timer = setTimeout(() => {
          press(Keys.flushed(pending))
          pending = new Uint8Array()
        }, escapeMillis)
    }
    const onClosed = () => Queue.offerUnsafe(events, { _tag: "Closed" })

    // Without a listener of ours the signal stops the process group as it does any other; an orphaned one, which nobody
    // could continue, ignores it.
    const stopGroup = Effect.sync(() => {
      process.off("SIGTSTP", onStop)
      process.kill(0, "SIGTSTP")
      process.on("SIGTSTP", onStop)
    })
    const suspend = giveBack.pipe(
      Effect.andThen(stopGroup),
      Effect.andThen(take),
      Effect.andThen(Effect.sync(stale)),
      Effect.uninterruptible
    )
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const onStop = () => void fork(suspend)
    /** Stopped by others, it could give nothing back; the shell has set the terminal up for itself meanwhile. */
    const onContinue = () => {
      if (isTaken) fork(Effect.andThen(take, Effect.sync(stale)))
    }
    const onExit = () => void fork(giveBack)

    yield* Effect.acquireRelease(
      Effect.suspend(() => {
        stdin.on("data", onData).on("end", onClosed).on("error", onClosed)
        process.on("SIGWINCH", stale).on("SIGTSTP", onStop).on("SIGCONT", onContinue).on("exit", onExit)
        return take
      }),
      () =>
        Effect.suspend(() => {
          clearTimeout(timer)
          stdin.off("data", onData).off("end", onClosed).pause()
          process.off("SIGWINCH", stale).off("SIGTSTP", onStop).off("SIGCONT", onContinue).off("exit", onExit)
          return giveBack
        })
    )

    const draw = (lines: ReadonlyArray<Frame.Line>) =>
      Effect.suspend(() => {
        if (!isTaken) return Effect.void
        const next = Frame.frame(lines, size())
        const text = Frame.difference(shown?.length === next.length ? shown : undefined, next, style)
        shown = next
        return stdout.write(text)
      })
    return { events, size, draw, forget: Effect.sync(stale), suspend }
  })
