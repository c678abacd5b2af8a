/**
 * What the commits say became slower on purpose, in a trailer of their message: `Slower: enqueue 6 % because jobs
 * carry a checksum now`. It is kept in the history, for whoever asks later why.
 */
export interface Allowance {
  readonly figure: string
  /** Largest ratio, after over before, that it allows. */
  readonly ratio: number
  readonly text: string
}

const pattern = /^(?<figure>.+?)\s+(?<percent>\d+(?:\.\d+)?)\s*%\s+because\s+\S/

/** Reads the values of all `Slower` trailers, one a line. Text that is none is answered as it is. */
export const readAllowances = (
  trailers: string,
  figures: ReadonlyArray<string>
): { readonly allowances: ReadonlyArray<Allowance>; readonly unreadable: ReadonlyArray<string> } => {
  const allowances: Array<Allowance> = []
  const unreadable: Array<string> = []
  for (const text of trailers.split("\n").map((line) => line.trim())) {
    if (text === "") continue
    const { figure, percent } = pattern.exec(text)?.groups ?? {}
    if (figure === undefined || !figures.includes(figure)) unreadable.push(text)
    else allowances.push({ figure, ratio: 1 + Number(percent) / 100, text })
  }
  return { allowances, unreadable }
}
