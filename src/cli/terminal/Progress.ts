import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as DisplayWidth from "./DisplayWidth.ts"
import * as ProgressLines from "./ProgressLines.ts"
import { type GroupCounts, type GroupFigures, GroupTally } from "./ProgressTally.ts"
import { sequence } from "./ControlSequence.ts"
import type { Screen } from "./Screen.ts"
import type { Style } from "./Style.ts"

/**
 * `bars`: a line per group, redrawn in place, for a terminal with motion. `lines`: a line per group at every tenth of
 * its jobs and at least every ten seconds, for logs. `quiet`: nothing.
 */
export type ProgressMode = "bars" | "lines" | "quiet"

/** The mode a command starts with; `lively` is `Style.isLively` of stderr. */
export const progressMode = (options: { readonly quiet: boolean; readonly lively: boolean }): ProgressMode =>
  options.quiet ? "quiet" : options.lively ? "bars" : "lines"

export interface ProgressOptions {
  readonly mode: ProgressMode
  readonly stdout: Screen
  readonly stderr: Screen
  /** For stderr. */
  readonly style: Style
}

/** How often the display is looked after, in milliseconds: bars move at most ten times a second. */
const tickMillis = 100
/** Bars are redrawn this often even when nothing happened, for the ETA to move. */
const idleRedrawMillis = 1000
/** Longest silence of a group with work left in `lines` mode. */
const longestSilenceMillis = 10_000
/** Output held back for the next redraw; beyond that it is written at once. In UTF-16 units. */
const heldBackMost = 65_536

const eraseRight = sequence("0", "K")
const eraseBelow = sequence("0", "J")

/**
 * Progress of a command's jobs on stderr, per group, and the command's own output around it. Counting costs a few
 * additions; what is drawn is decided ten times a second, whatever the number of jobs.
 */
export class Progress extends Context.Service<
  Progress,
  {
    /** `n` more jobs of `group` are to be done. */
    readonly expect: (group: string, n: number) => Effect.Effect<void>
    /** `n` of the expected jobs were done by an earlier run: they count as done and not for the rate. */
    readonly resume: (group: string, n: number) => Effect.Effect<void>
    /** A job of `group` began to run. */
    readonly started: (group: string) => Effect.Effect<void>
    /** A started job is over for good; `runMillis` is how long it ran. */
    readonly finished: (
      group: string,
      ending: { readonly runMillis: number; readonly failed: boolean }
    ) => Effect.Effect<void>
    /** Takes over counts read from a store, for a command that watches jobs run elsewhere. */
    readonly observe: (group: string, counts: GroupCounts) => Effect.Effect<void>
    /**
     * Writes whole lines above the bars, or plainly when there are none; as a screen does. On a terminal with bars it
     * appears within 100 ms, in the order given, and text that does not end in a newline gets one. Otherwise it
     * completes when the stream has taken it.
     */
    readonly print: (stream: "stdout" | "stderr", text: string) => Effect.Effect<void>
    /** The figures of every group that was named, in the order of first mention. */
    readonly figures: Effect.Effect<ReadonlyArray<GroupFigures>>
  }
>()("sluice/cli/terminal/Progress") {
  static readonly layer = (options: ProgressOptions): Layer.Layer<Progress> => Layer.effect(Progress, make(options))
}

/** When a group last had its line in `lines` mode. */
interface Reported {
  tenths: number
  done: number
  atMillis: number
}

/** Runs the display until the scope closes; then what was held back is written and the bars are wiped away. */
export const make = (options: ProgressOptions): Effect.Effect<Progress["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const { mode, stderr, stdout, style } = options
    const tallies = new Map<string, GroupTally>()
    const reported = new Map<string, Reported>()
    // One writer at a time, so that a redraw never falls between erasing and printing.
    const writing = yield* Semaphore.make(1)
    let changed = false
    let drawnWidths: ReadonlyArray<number> = []
    let drawnAt = Number.NEGATIVE_INFINITY
    let held: Array<{ readonly screen: Screen; text: string }> = []
    let heldLength = 0

    const change = (group: string, f: (tally: GroupTally, now: number) => void) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        let tally = tallies.get(group)
        if (tally === undefined) {
          tally = new GroupTally(group, now)
          tallies.set(group, tally)
          reported.set(group, { tenths: 0, done: 0, atMillis: now })
        }
        f(tally, now)
        changed = true
      })

    const figuresAt = (now: number) => Array.from(tallies.values(), (tally) => tally.figures(now))

    /** Moves to the first drawn line. A window made narrower since has wrapped the drawn lines into more. */
    const toTop = () => {
      const columns = stderr.columns()
      const rows = drawnWidths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0)
      return rows === 0 ? "" : sequence(String(rows), "F")
    }

    const writeHeld = Effect.gen(function* () {
      if (held.length === 0) return
      const texts = held
      held = []
      heldLength = 0
      if (drawnWidths.length > 0) yield* stderr.write(toTop() + eraseBelow)
      drawnWidths = []
      for (const { screen, text } of texts) yield* screen.write(text)
    })

    const drawBars = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      if (!changed && held.length === 0 && now - drawnAt < idleRedrawMillis) return
      yield* writeHeld
      const lines = ProgressLines.bars(
        figuresAt(now).filter(({ expected }) => expected > 0),
        { columns: stderr.columns(), rows: stderr.rows() },
        style
      )
      const top = toTop()
      drawnWidths = lines.map(DisplayWidth.cells)
      drawnAt = now
      changed = false
      yield* stderr.write(top + lines.map((line) => `${line}${eraseRight}\n`).join("") + (top === "" ? "" : eraseBelow))
    })

    const reportLines = (ending: boolean) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        for (const figures of figuresAt(now)) {
          const last = reported.get(figures.group)!
          const tenths = figures.expected === 0 ? 0 : Math.floor((figures.done * 10) / figures.expected)
          const silent = figures.done < figures.expected && now - last.atMillis >= longestSilenceMillis
          if (!(tenths > last.tenths || silent || (ending && figures.done !== last.done))) continue
          reported.set(figures.group, { tenths: Math.max(tenths, last.tenths), done: figures.done, atMillis: now })
          yield* stderr.write(`${ProgressLines.report(figures)}\n`)
        }
      })

    if (mode !== "quiet") {
      const finish =
        mode === "bars"
          ? writeHeld.pipe(
              Effect.andThen(
                Effect.suspend(() => (drawnWidths.length === 0 ? Effect.void : stderr.write(toTop() + eraseBelow)))
              )
            )
          : reportLines(true)
      yield* Effect.addFinalizer(() => writing.withPermit(finish))
      // A write that has begun is finished before the display ends: half a redraw could not be wiped away.
      const tick = writing.withPermit(mode === "bars" ? drawBars : reportLines(false)).pipe(Effect.uninterruptible)
      yield* tick.pipe(Effect.delay(tickMillis), Effect.forever, Effect.forkScoped)
    }

    return Progress.of({
      expect: (group, n) => change(group, (tally) => tally.expect(n)),
      resume: (group, n) => change(group, (tally) => tally.resume(n)),
      started: (group) => change(group, (tally) => tally.start()),
      finished: (group, { failed, runMillis }) => change(group, (tally, now) => tally.finish(runMillis, failed, now)),
      observe: (group, counts) => change(group, (tally, now) => tally.observe(counts, now)),
      print: (stream, text) =>
        Effect.suspend(() => {
          const screen = stream === "stdout" ? stdout : stderr
          if (text === "") return Effect.void
          if (mode !== "bars" || !screen.isTerminal) return screen.write(text)
          const whole = text.endsWith("\n") ? text : `${text}\n`
          const last = held.at(-1)
          if (last?.screen === screen) last.text += whole
          else held.push({ screen, text: whole })
          heldLength += whole.length
          return heldLength > heldBackMost ? Effect.uninterruptible(writing.withPermit(writeHeld)) : Effect.void
        }),
      figures: Effect.map(Clock.currentTimeMillis, figuresAt)
    })
  })
