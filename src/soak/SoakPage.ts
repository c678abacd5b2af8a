/**
 * A soak's result as one HTML file that needs nothing else: figures, verdicts, plots; light or dark as the reader's
 * system is.
 */
import { escapeText } from "../cli/plot/Markup.ts"
import { plot } from "./Plot.ts"
import type { SoakResult } from "./SoakResult.ts"
import * as SoakText from "./SoakText.ts"

const style = `
:root { color-scheme: light dark; --text: #1b1f24; --quiet: #57606a; --ground: #fff; --line: #d8dee4; --c0: #0969da; --c1: #bc4c00; --c2: #1a7f37; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --quiet: #9198a1; --ground: #0d1117; --line: #30363d; --c0: #58a6ff; --c1: #f0883e; --c2: #56d364; --bad: #ff7b72; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--ground); max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; } .met { color: var(--c2); } .missed { color: var(--bad); font-weight: 600; } .undecided { color: var(--c1); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1.5rem; }
figure { margin: 0; } figcaption { font-weight: 600; } .legend { margin: 0; font-size: .85rem; color: var(--quiet); display: flex; gap: 1rem; min-height: 1.3rem; } .legend i { display: inline-block; width: .9rem; height: .2rem; margin-right: .35rem; vertical-align: middle; }
svg { width: 100%; height: auto; } svg text { fill: var(--quiet); font-size: 11px; } .grid { stroke: var(--line); } .fault { stroke: var(--bad); stroke-width: .6; opacity: .5; }
polyline { fill: none; stroke-width: 1.5; stroke-linejoin: round; } polyline.c0 { stroke: var(--c0); } polyline.c1 { stroke: var(--c1); } polyline.c2 { stroke: var(--c2); } i.c0 { background: var(--c0); } i.c1 { background: var(--c1); } i.c2 { background: var(--c2); }
p.note { color: var(--quiet); max-width: 50rem; }
@media (max-width: 36rem) { svg text { font-size: 16px; } }`

const cells = (tag: "td" | "th", texts: ReadonlyArray<string>): string =>
  `<tr>${texts.map((text) => `<${tag}>${escapeText(text)}</${tag}>`).join("")}</tr>`

const axisNote = (result: SoakResult): string =>
  result.plan.accelerated
    ? "The axis is the simulated day: where in its jobs the run was. Each simulated minute's jobs are enqueued at once, the next minute when no more than a mean minute's are left; latency and throughput are those of a queue under full load."
    : "The axis is the time at work. The curve of a day is laid over the length of the run."

const decisions = ({ unattended }: SoakResult): string =>
  unattended === undefined
    ? ""
    : `<h2>What it decided by itself</h2>
<details><summary>${unattended.decisions.length} decisions</summary><div class="wide"><table><thead>${cells("th", SoakText.decisionColumns)}</thead><tbody>${unattended.decisions
        .map((decision) => cells("td", SoakText.decisionCells(decision)))
        .join("\n")}</tbody></table></div></details>
`

export const page = (result: SoakResult): string => {
  const { panels, plan, faultsAt } = result
  const last = panels.flatMap(({ series }) => series.flatMap(({ points }) => points.map(([hour]) => hour)))
  const hours = result.complete ? plan.hours : Math.max(...last, plan.hours / 100)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice soak of ${escapeText(result.startedAt)}</title><style>${style}</style></head><body>
<h1>Soak: ${escapeText(SoakText.summary(result))}</h1>
<div class="wide"><table><tbody>${result.verdicts
    .map(
      ({ criterion, found, outcome }) =>
        `<tr><td class="${outcome}">${outcome}</td><td>${escapeText(criterion)}</td><td>${escapeText(found)}</td></tr>`
    )
    .join("")}</tbody></table></div>
<h2>Figures</h2>
<div class="wide"><table><tbody>${SoakText.figures(result)
    .map(([name, value]) => cells("td", [name, value]))
    .join("\n")}</tbody></table></div>
<h2>Processes</h2>
<div class="wide"><table><thead>${cells("th", SoakText.roleColumns)}</thead><tbody>${result.roles
    .map((role) => cells("td", SoakText.roleCells(role)))
    .join("\n")}</tbody></table></div>
<p class="note">Heap is read right after a full garbage collection. Growth compares the last tenth of a process's life with the first after its warm-up (a tenth, at least a minute, left out). The slope's interval is corrected for autocorrelation (Newey and West). Growth is not judged for processes that were killed as planned, nor for the soak itself, which only watches.</p>
${decisions(result)}<h2>Over the run</h2>
<p class="note">${escapeText(axisNote(result))}${faultsAt.length === 0 ? "" : " Upright lines: a worker was killed or stopped."}</p>
<div class="plots">${panels.map((panel) => plot(panel, hours, faultsAt)).join("\n")}</div>
</body></html>
`
}
