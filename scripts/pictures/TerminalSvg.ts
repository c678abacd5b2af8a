/**
 * The screen of a terminal as SVG: text in cells, with the colours a command chose, on a dark ground. Nothing is loaded
 * with it.
 */

const cellWidth = 8.4
const lineHeight = 18
const margin = 14

const ground = "#0d1117"
const text = "#e6edf3"
const colours: Readonly<Record<number, string>> = {
  31: "#ff7b72",
  32: "#56d364",
  33: "#e3b341",
  34: "#79c0ff",
  36: "#39c5cf"
}

interface Look {
  readonly fill: string
  readonly bold: boolean
  readonly dim: boolean
  readonly reversed: boolean
}

const plain: Look = { fill: text, bold: false, dim: false, reversed: false }

/** What one parameter of a colour sequence changes. */
const changed = (look: Look, parameter: number): Look => {
  switch (parameter) {
    case 0:
      return plain
    case 1:
      return { ...look, bold: true }
    case 2:
      return { ...look, dim: true }
    case 7:
      return { ...look, reversed: true }
    case 22:
      return { ...look, bold: false, dim: false }
    case 27:
      return { ...look, reversed: false }
    case 39:
      return { ...look, fill: text }
    default:
      return { ...look, fill: colours[parameter] ?? look.fill }
  }
}

const escaped = (part: string): string =>
  part.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(" ", "\u00a0")

const run = (part: string, look: Look, column: number, row: number): string => {
  const x = (margin + column * cellWidth).toFixed(1)
  const width = (part.length * cellWidth).toFixed(1)
  const y = margin + row * lineHeight
  const back = look.reversed
    ? `<rect x="${x}" y="${y}" width="${width}" height="${lineHeight}" fill="${look.fill}"/>`
    : ""
  if (part.trim() === "") return back
  const weight = look.bold ? ' font-weight="700"' : ""
  const opacity = look.dim ? ' opacity=".65"' : ""
  return `${back}<text x="${x}" y="${y + 13.5}" textLength="${width}" fill="${look.reversed ? ground : look.fill}"${weight}${opacity}>${escaped(part)}</text>`
}

/**
 * `screen` as `tmux capture-pane -e` prints it; its characters are one cell wide each. `title`: for who does not see
 * it.
 */
export const terminalSvg = (
  screen: string,
  size: { readonly columns: number; readonly rows: number },
  title: string
): string => {
  const width = Math.ceil(2 * margin + size.columns * cellWidth)
  const height = 2 * margin + size.rows * lineHeight
  let look = plain
  const lines = screen.split("\n").slice(0, size.rows)
  const drawn = lines.flatMap((line, row) => {
    let column = 0
    return line.split("\u001b[").map((part, i) => {
      let rest = part
      if (i > 0) {
        const end = part.indexOf("m")
        for (const parameter of part.slice(0, end).split(";")) look = changed(look, Number(parameter))
        rest = part.slice(end + 1)
      }
      const svg = run(rest, look, column, row)
      column += rest.length
      return svg
    })
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${title}</title>`,
    "<style>text{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:14px;white-space:pre}</style>",
    `<rect width="${width}" height="${height}" rx="8" fill="${ground}"/>`,
    ...drawn.filter((each) => each !== ""),
    "</svg>\n"
  ].join("\n")
}
