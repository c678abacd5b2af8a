/**
 * What a plot over time shows, apart from how it is drawn: the same picture becomes an SVG, an HTML page or characters
 * of a terminal. Texts in it must be safe to show (`Sanitize`). Times are milliseconds since 1970.
 */

/** A curve; null where nothing was measured: the curve is broken there. */
export interface Line {
  readonly name: string
  readonly tone: "actual" | "forecast" | "second" | "third"
  /** Each value holds until the next one: for capacities, which change at once. */
  readonly steps?: boolean
  readonly points: ReadonlyArray<readonly [at: number, value: number | null]>
}

/** The room between two curves; null where it is unknown. */
export interface Band {
  readonly name: string
  readonly tone: "wide" | "narrow"
  readonly points: ReadonlyArray<readonly [at: number, low: number, high: number] | null>
}

export interface Panel {
  readonly title: string
  readonly unit: string
  /** Drawn first to last, below the lines. */
  readonly bands: ReadonlyArray<Band>
  /** The most important first: it is drawn last, above the others. */
  readonly lines: ReadonlyArray<Line>
}

export interface Picture {
  readonly title: string
  /** Sentences under the title: how good it is, what to mind. */
  readonly notes: ReadonlyArray<string>
  readonly from: number
  readonly to: number
  /** Where what was ends and what is forecast begins: an upright line. */
  readonly now?: number
  /** Of the labels, as the IANA names it: `Europe/Vienna`. */
  readonly timeZone: string
  /** One above the other, with one time axis. */
  readonly panels: ReadonlyArray<Panel>
}

/** The greatest value of a panel. */
export const greatest = ({ bands, lines }: Panel): number => {
  let most = 0
  for (const { points } of bands) for (const point of points) if (point !== null && point[2] > most) most = point[2]
  for (const { points } of lines) for (const [, value] of points) if (value !== null && value > most) most = value
  return most
}
