/** A picture as one HTML file that needs nothing else, with what is drawn as tables beneath it. */
import { escapeText } from "./Markup.ts"
import type { Picture } from "./Picture.ts"
import { pictureSvg } from "./PictureSvg.ts"

/** Figures beside the picture: a heading, column names, rows. */
export interface FiguresTable {
  readonly title: string
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

const style = `
:root { color-scheme: light dark; --text: #1b1f24; --ground: #fff; --line: #d8dee4; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --ground: #0d1117; --line: #30363d; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--ground); max-width: 70rem; margin: 1rem auto; padding: 0 1rem; }
h2 { font-size: 1.1rem; margin-top: 1.6rem; } svg { width: 100%; height: auto; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; } th, td { text-align: right; padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; }`

const cells = (tag: "td" | "th", texts: ReadonlyArray<string>): string =>
  `<tr>${texts.map((text) => `<${tag}>${escapeText(text)}</${tag}>`).join("")}</tr>`

export const pictureHtml = (picture: Picture, tables: ReadonlyArray<FiguresTable>): string =>
  `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(picture.title)}</title><style>${style}</style></head><body>
${pictureSvg(picture, "auto")}${tables
  .map(
    ({ columns, rows, title }) =>
      `<h2>${escapeText(title)}</h2>\n<div class="scroll"><table><thead>${cells("th", columns)}</thead><tbody>${rows
        .map((row) => cells("td", row))
        .join("\n")}</tbody></table></div>\n`
  )
  .join("")}</body></html>
`
