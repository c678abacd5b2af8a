import type { JobState } from "../../services/Queue/index.ts"
import { sequence } from "./ControlSequence.ts"

/** What decides whether a stream may carry colour and motion. */
export interface Surroundings {
  /** Whether this stream, stdout or stderr, is a terminal. */
  readonly isTerminal: boolean
  /** `NO_COLOR` and `TERM` are read; see no-color.org: any value but the empty one counts. */
  readonly environment: { readonly [name: string]: string | undefined }
  /** `--no-color` was given. */
  readonly noColor: boolean
}

/** Whether a stream may carry colour and redrawn lines: only a terminal that can, and nobody asked for plain output. */
export const isLively = (surroundings: Surroundings): boolean =>
  surroundings.isTerminal &&
  !surroundings.noColor &&
  (surroundings.environment.NO_COLOR ?? "") === "" &&
  surroundings.environment.TERM !== "dumb"

/** Styles by meaning. Each closes what it opens; a screen shows them and makes the text within safe. */
export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly good: (text: string) => string
  readonly warning: (text: string) => string
  readonly bad: (text: string) => string
  /** What is guessed, apart from what was measured: a forecast. */
  readonly accent: (text: string) => string
  /** The row that keys act on: foreground and background exchanged. */
  readonly chosen: (text: string) => string
  /** The name of a job state, or `text`, in the state's colour. */
  readonly state: (state: JobState, text?: string) => string
}

const sgr =
  (open: string, close: string) =>
  (text: string): string =>
    text === "" ? "" : sequence(open, "m") + text + sequence(close, "m")

const bold = sgr("1", "22")
const dim = sgr("2", "22")
const reverse = sgr("7", "27")
const red = sgr("31", "39")
const green = sgr("32", "39")
const yellow = sgr("33", "39")
const blue = sgr("34", "39")
const cyan = sgr("36", "39")

const stateColours: { readonly [State in JobState]: (text: string) => string } = {
  scheduled: cyan,
  pending: yellow,
  running: blue,
  completed: green,
  failed: red,
  cancelled: dim
}

const same = (text: string): string => text

/** No colour at all: pipes, files, `NO_COLOR`, `--no-color`. */
export const plain: Style = {
  bold: same,
  dim: same,
  good: same,
  warning: same,
  bad: same,
  accent: same,
  chosen: same,
  state: (state, text = state) => text
}

/** The eight base colours only, so that the terminal's own theme decides how they look. */
export const coloured: Style = {
  bold,
  dim,
  good: green,
  warning: yellow,
  bad: red,
  accent: cyan,
  chosen: reverse,
  state: (state, text = state) => stateColours[state](text)
}
