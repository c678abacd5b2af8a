/** Curves with more points than a picture has room for. */
import type { Band, Line, Panel, Picture } from "./Picture.ts"

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Neighbours in groups of `n`. */
const groups = <A>(points: ReadonlyArray<A>, n: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(points.length / n) }, (_, i) => points.slice(i * n, (i + 1) * n))

const line = (self: Line, most: number): Line => {
  const n = Math.ceil(self.points.length / most)
  if (n <= 1) return self
  return {
    ...self,
    points: groups(self.points, n).map((group) => {
      const known = group.flatMap(([, value]) => (value === null ? [] : [value]))
      return [group[0]![0], known.length === 0 ? null : mean(known)]
    })
  }
}

const band = (self: Band, most: number): Band => {
  const n = Math.ceil(self.points.length / most)
  if (n <= 1) return self
  return {
    ...self,
    points: groups(self.points, n).map((group) => {
      const known = group.filter((point) => point !== null)
      return known.length === 0
        ? null
        : [known[0]![0], mean(known.map(([, low]) => low)), mean(known.map(([, , high]) => high))]
    })
  }
}

/** At most `most` points a curve, each the mean of those it stands for. */
export const thinned = (picture: Picture, most: number): Picture => ({
  ...picture,
  panels: picture.panels.map(
    (panel): Panel => ({
      ...panel,
      bands: panel.bands.map((each) => band(each, most)),
      lines: panel.lines.map((each) => line(each, most))
    })
  )
})
