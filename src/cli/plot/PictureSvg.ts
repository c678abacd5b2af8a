/**
 * A picture as SVG that needs nothing else: no script, no font of its own, nothing loaded. With `auto` its colours
 * follow the reader's light or dark system, also when it is shown by `<img>`.
 */
import { escapeText } from "./Markup.ts"
import { type Band, greatest, type Line, type Panel, type Picture } from "./Picture.ts"
import { thinned } from "./Thinned.ts"
import { moment, timeTicks } from "./TimeAxis.ts"
import { short, ticksTo } from "./ValueAxis.ts"

export type Theme = "auto" | "light"

const width = 960
const left = 62
const right = 20
const plotHeight = 230
/** Of a panel above its plot: title and legend. */
const headHeight = 44
const axisHeight = 30
const noteHeight = 18
/** A point for every two pixels. */
const pointsMost = 480
const charactersPerLine = 145

const light = {
  ground: "#ffffff",
  text: "#1b1f24",
  quiet: "#57606a",
  grid: "#d8dee4",
  actual: "#1b1f24",
  forecast: "#0969da",
  second: "#bc4c00",
  third: "#1a7f37",
  wide: ".16",
  narrow: ".26"
}

const dark: typeof light = {
  ground: "#0d1117",
  text: "#e6edf3",
  quiet: "#9198a1",
  grid: "#30363d",
  actual: "#e6edf3",
  forecast: "#58a6ff",
  second: "#f0883e",
  third: "#56d364",
  wide: ".25",
  narrow: ".4"
}

const rules = (colours: typeof light): string =>
  [
    `.ground{fill:${colours.ground}}.text{fill:${colours.text}}.quiet{fill:${colours.quiet}}.grid{stroke:${colours.grid}}.day{stroke:${colours.quiet}}.now{stroke:${colours.quiet}}`,
    ...(["actual", "forecast", "second", "third"] as const).map((tone) => `.${tone}{stroke:${colours[tone]}}`),
    `.wide,.narrow{fill:${colours.forecast}}.wide{opacity:${colours.wide}}.narrow{opacity:${colours.narrow}}`
  ].join("")

const shapes =
  "text{font-family:system-ui,-apple-system,'Segoe UI',sans-serif;font-size:12px}.title{font-size:17px;font-weight:700}.panel{font-weight:700;font-size:13px}.grid{stroke-width:1}.day{stroke-width:1;opacity:.35}.now{stroke-width:1;stroke-dasharray:4 3}.line{fill:none;stroke-width:1.6;stroke-linejoin:round}.actual{stroke-width:1.3}"

const fixed = (value: number): string => String(Number(value.toFixed(1)))

/** Words on lines of at most so many characters. */
const wrapped = (text: string, most: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  // A number stays with its sign.
  for (const word of text.replaceAll(" %", "\u00a0%").split(" ")) {
    if (line !== "" && line.length + 1 + word.length > most) {
      lines.push(line)
      line = word
    } else line = line === "" ? word : `${line} ${word}`
  }
  return line === "" ? lines : [...lines, line]
}

interface Scale {
  readonly x: (at: number) => number
  readonly y: (value: number) => number
}

/** Runs of neighbouring known points. */
const runs = <A>(points: ReadonlyArray<A>, isKnown: (point: A) => boolean): ReadonlyArray<ReadonlyArray<A>> => {
  const found: Array<Array<A>> = []
  let open = false
  for (const point of points) {
    if (!isKnown(point)) open = false
    else if (open) found.at(-1)!.push(point)
    else {
      found.push([point])
      open = true
    }
  }
  return found
}

const drawLine = ({ name, points, steps = false, tone }: Line, { x, y }: Scale): string => {
  const path = runs(points, ([, value]) => value !== null)
    .map((run) =>
      run
        .map(([at, value], i) => {
          const [px, py] = [fixed(x(at)), fixed(y(value!))]
          return i === 0 ? `M${px} ${py}` : steps ? `H${px}V${py}` : `L${px} ${py}`
        })
        .join("")
    )
    .join("")
  return path === "" ? "" : `<path class="line ${tone}" d="${path}"><title>${escapeText(name)}</title></path>`
}

const drawBand = ({ name, points, tone }: Band, { x, y }: Scale): string =>
  runs(points, (point) => point !== null)
    .map((run) => {
      const up = run.map((point) => `${fixed(x(point![0]))} ${fixed(y(point![2]))}`)
      const down = run.map((point) => `${fixed(x(point![0]))} ${fixed(y(point![1]))}`).reverse()
      return `<path class="${tone}" d="M${[...up, ...down].join("L")}Z"><title>${escapeText(name)}</title></path>`
    })
    .join("")

/** Swatch and name, one after the other. Text is measured by its number of characters, on the wide side. */
const legend = ({ bands, lines }: Panel, y: number): string => {
  let x = left
  return [...lines, ...bands]
    .map(({ name, tone }) => {
      const swatch =
        tone === "wide" || tone === "narrow"
          ? `<rect class="${tone}" x="${x}" y="${y - 10}" width="16" height="11"/>`
          : `<path class="line ${tone}" d="M${x} ${y - 4}h16"/>`
      const label = `<text class="quiet" x="${x + 22}" y="${y}">${escapeText(name)}</text>`
      x += 22 + name.length * 7 + 20
      return swatch + label
    })
    .join("")
}

const drawPanel = (panel: Panel, picture: Picture, top: number, withTimes: boolean): string => {
  const values = ticksTo(greatest(panel))
  const most = values.at(-1)!
  const plotTop = top + headHeight
  const bottom = plotTop + plotHeight
  const span = Math.max(1, picture.to - picture.from)
  const scale: Scale = {
    x: (at) => left + ((at - picture.from) / span) * (width - left - right),
    y: (value) => bottom - (Math.min(value, most) / most) * plotHeight
  }
  const level = values.map((value) => {
    const y = fixed(scale.y(value))
    return `<path class="grid" d="M${left} ${y}H${width - right}"/><text class="quiet" x="${left - 8}" y="${fixed(scale.y(value) + 4)}" text-anchor="end">${short(value)}</text>`
  })
  const times = timeTicks(picture.from, picture.to, picture.timeZone, 10).map(({ at, label, midnight }) => {
    const x = scale.x(at)
    const upright = `<path class="${midnight ? "day" : "grid"}" d="M${fixed(x)} ${plotTop}V${bottom}"/>`
    if (!withTimes) return upright
    const room = label.length * 3.5
    const anchor = x - room < left - 40 ? "start" : x + room > width ? "end" : "middle"
    return `${upright}<text class="quiet" x="${fixed(anchor === "end" ? width - 4 : x)}" y="${bottom + 18}" text-anchor="${anchor}">${label}</text>`
  })
  const now =
    picture.now === undefined
      ? ""
      : `<path class="now" d="M${fixed(scale.x(picture.now))} ${plotTop}V${bottom}"/><text class="quiet" x="${fixed(scale.x(picture.now) + 5)}" y="${plotTop + 12}">now</text>`
  return [
    `<text class="text panel" x="${left}" y="${top + 14}">${escapeText(panel.title)}, ${escapeText(panel.unit)}</text>`,
    legend(panel, top + 34),
    ...level,
    ...times,
    ...panel.bands.map((band) => drawBand(band, scale)),
    ...panel.lines.toReversed().map((line) => drawLine(line, scale)),
    now
  ].join("")
}

export const pictureSvg = (whole: Picture, theme: Theme): string => {
  const picture = thinned(whole, pointsMost)
  const when = moment(picture.timeZone)
  const notes = picture.notes.flatMap((note) => wrapped(note, charactersPerLine))
  const head = 48 + noteHeight * (notes.length + 1)
  const panelHeight = headHeight + plotHeight + 14
  const height = head + panelHeight * picture.panels.length + axisHeight
  const colours = theme === "light" ? rules(light) : `${rules(light)}@media(prefers-color-scheme:dark){${rules(dark)}}`
  const said = `${when(picture.from)} to ${when(picture.to)}, ${picture.timeZone}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeText(picture.title)}">`,
    `<title>${escapeText(picture.title)}</title><style>${shapes}${colours}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    `<text class="text title" x="20" y="34">${escapeText(picture.title)}</text>`,
    ...[said, ...notes].map(
      (note, i) => `<text class="quiet" x="20" y="${56 + i * noteHeight}">${escapeText(note)}</text>`
    ),
    ...picture.panels.map((panel, i) =>
      drawPanel(panel, picture, head + i * panelHeight, i === picture.panels.length - 1)
    ),
    "</svg>\n"
  ].join("\n")
}
