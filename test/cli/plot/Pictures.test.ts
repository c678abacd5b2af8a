import { assert, describe, it } from "@effect/vitest"
import type { Picture } from "../../../src/cli/plot/Picture.ts"
import { pictureHtml } from "../../../src/cli/plot/PictureHtml.ts"
import { pictureSvg } from "../../../src/cli/plot/PictureSvg.ts"
import { pictureText } from "../../../src/cli/plot/PictureText.ts"
import * as DisplayWidth from "../../../src/cli/terminal/DisplayWidth.ts"
import { coloured, plain } from "../../../src/cli/terminal/Style.ts"
import { shown } from "../terminal/Shown.ts"

const minute = 60_000
const now = Date.parse("2026-11-21T12:00:00Z")

/** Two hours that were, with a gap, and one that is forecast. */
const picture: Picture = {
  title: "net<work>: arrivals & forecast",
  notes: ["Of late 87 % right one step ahead.", 'Said "so".'],
  from: now - 120 * minute,
  to: now + 60 * minute,
  now,
  timeZone: "Europe/Vienna",
  panels: [
    {
      title: "Arrivals",
      unit: "jobs per minute",
      bands: [
        {
          name: "90 % interval",
          tone: "wide",
          points: Array.from({ length: 60 }, (_, i) => [now + i * minute, 40, 80] as const)
        }
      ],
      lines: [
        {
          name: "arrived",
          tone: "actual",
          points: Array.from(
            { length: 120 },
            (_, i) => [now - (120 - i) * minute, i >= 40 && i < 60 ? null : 50 + (i % 7)] as const
          )
        },
        {
          name: "forecast",
          tone: "forecast",
          points: Array.from({ length: 60 }, (_, i) => [now + i * minute, 60] as const)
        }
      ]
    },
    {
      title: "Capacity",
      unit: "slots",
      bands: [],
      lines: [
        {
          name: "slots",
          tone: "second",
          steps: true,
          points: [
            [now - 120 * minute, 2],
            [now - 60 * minute, 6]
          ]
        }
      ]
    }
  ]
}

const paths = (svg: string, tone: string) =>
  [...svg.matchAll(new RegExp(`<path class="(?:line )?${tone}" d="([^"]*)">`, "g"))].map(([, d]) => d!)

describe("a picture as SVG", () => {
  const svg = pictureSvg(picture, "auto")

  it("draws each curve, broken where nothing was measured", () => {
    const [arrived] = paths(svg, "actual")
    assert.strictEqual(arrived!.match(/M/g)!.length, 2)
    const points = arrived!.match(/[ML][\d.]+ [\d.]+/g)!
    assert.strictEqual(points.length, 100)
    assert.strictEqual(paths(svg, "forecast").filter((d) => d.includes("L")).length, 1)
    assert.match(paths(svg, "second").at(-1)!, /^M[\d.]+ [\d.]+H[\d.]+V[\d.]+$/)
    assert.match(paths(svg, "wide")[0]!, /^M.*Z$/)
  })

  it("is whole by itself, and made safe: nothing loaded, nothing of the texts is markup", () => {
    assert.include(svg, "net&lt;work&gt;: arrivals &amp; forecast")
    assert.include(svg, "Said &quot;so&quot;.")
    assert.notMatch(svg.replace("http://www.w3.org/2000/svg", ""), /https?:|<script|url\(|@import/)
  })

  it("says the times in the zone asked for, and follows the reader's light or dark", () => {
    assert.include(svg, "Sat 21 Nov 11:00 to Sat 21 Nov 14:00, Europe/Vienna")
    for (const label of ["11:00", "12:00", "13:00", "14:00"]) assert.include(svg, `>${label}</text>`)
    assert.include(svg, "prefers-color-scheme:dark")
    assert.notInclude(pictureSvg(picture, "light"), "prefers-color-scheme")
  })

  it("keeps curves with more points than there is room for small, at the same level", () => {
    const many: Picture = {
      ...picture,
      panels: [
        {
          ...picture.panels[0]!,
          lines: [
            {
              name: "arrived",
              tone: "actual",
              points: Array.from({ length: 20_000 }, (_, i) => [now - 120 * minute + i * 360, 50] as const)
            }
          ]
        }
      ]
    }
    const big = pictureSvg(many, "auto")
    assert.isBelow(big.length, 20_000)
    const [arrived] = paths(big, "actual")
    assert.strictEqual(new Set(arrived!.match(/[\d.]+(?=L|$)/g)).size, 1)
  })

  it("draws nothing at all without falling over", () => {
    const empty: Picture = {
      ...picture,
      notes: [],
      panels: [{ title: "Arrivals", unit: "jobs", bands: [], lines: [] }]
    }
    assert.include(pictureSvg(empty, "auto"), "</svg>")
    assert.isAbove(pictureText(empty, { width: 60, height: 5, style: plain, coloured: false }).length, 5)
  })
})

describe("a picture as HTML", () => {
  it("is one file with the picture and the figures, made safe", () => {
    const html = pictureHtml(picture, [{ title: "Figures", columns: ["from", "<b>"], rows: [["12:00", "a & b"]] }])
    assert.match(html, /^<!doctype html>/)
    assert.include(html, "<svg")
    assert.include(html, "<td>a &amp; b</td>")
    assert.include(html, "<th>&lt;b&gt;</th>")
    assert.notMatch(html.replaceAll("http://www.w3.org/2000/svg", ""), /https?:|<script|<link|src=/)
  })

  it("is read as it stands: nothing around the drawing takes its colours from the drawing's own rules", () => {
    const html = pictureHtml(picture, [{ title: "Figures", columns: ["from"], rows: [["12:00"]] }])
    const [svg] = /<svg.*<\/svg>/s.exec(html)!
    const drawn = new Set([.../<style>(.*?)<\/style>/s.exec(svg)![1]!.matchAll(/\.([a-z]+)/g)].map(([, name]) => name))
    assert.include([...drawn], "wide")
    const around = [...html.replace(svg, "").matchAll(/class="([^"]*)"/g)].flatMap(([, names]) => names!.split(" "))
    assert.isAbove(around.length, 0)
    for (const name of around) assert.isFalse(drawn.has(name), name)
  })
})

describe("a picture in characters", () => {
  it("fits its width, and has no colour unless asked", () => {
    for (const width of [60, 80, 133]) {
      const lines = pictureText(picture, { width, height: 10, style: plain, coloured: false })
      for (const line of lines) assert.isAtMost(DisplayWidth.cells(line), Math.max(width, 90), line)
      assert.notInclude(lines.join(""), "\x1b")
      // Of a panel: blank, heading, ten lines, axis, times.
      assert.strictEqual(lines.length, 1 + 2 * 14)
      for (const line of lines.slice(3, 13)) assert.isAtMost(DisplayWidth.cells(line), width)
    }
    assert.include(
      shown(pictureText(picture, { width: 80, height: 10, style: coloured, coloured: true }).join("")),
      "\x1b[36m"
    )
  })

  it("shows the past as dots, the forecast in its band, and times below", () => {
    const lines = pictureText(picture, { width: 80, height: 10, style: plain, coloured: false })
    const plot = lines.slice(3, 13)
    const half = Math.floor((lines[3]!.length * 2) / 3)
    assert.match(plot.map((line) => line.slice(0, half)).join(""), /[\u2801-\u28ff]/)
    assert.match(plot.map((line) => line.slice(half)).join(""), /•/)
    assert.match(plot.map((line) => line.slice(half)).join(""), /░/)
    assert.include(lines[14]!, "12:00")
    assert.match(plot[0]!, /^80 ┤/)
    assert.match(plot.at(-1)!, /^ 0 ┤/)
  })
})
