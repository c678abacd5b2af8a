import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Frame from "../../../src/cli/terminal/Frame.ts"
import { named, character, type Key } from "../../../src/cli/terminal/Keys.ts"
import { coloured, plain } from "../../../src/cli/terminal/Style.ts"
import { heights, jobsInView, layout } from "../../../src/cli/top/Layout.ts"
import * as View from "../../../src/cli/top/View.ts"
import { SeededRandom, seeds } from "../../support/SeededRandom.ts"
import { makeEmulatedScreen } from "../terminal/EmulatedScreen.ts"
import { anySnapshot, job, snapshot } from "./Snapshots.ts"

const shown = (view: View.View, size: Frame.Size, moment = snapshot()): ReadonlyArray<string> => {
  const terminal = makeEmulatedScreen(size)
  terminal.send("\x1b[?1049h")
  Effect.runSync(
    terminal.screen.write(Frame.difference(undefined, Frame.frame(layout(moment, view, size), size), plain))
  )
  return terminal.shown()
}

const keys: ReadonlyArray<Key> = [
  ...(
    [
      "up",
      "down",
      "page up",
      "page down",
      "home",
      "end",
      "tab",
      "back tab",
      "enter",
      "escape",
      "backspace",
      "left",
      "right"
    ] as const
  ).map(named),
  ..."cfrpsjk?/yn日q\u202e".split("").map(character)
]

describe("what top shows", () => {
  it("at 80 × 24: totals, alerts, groups, workers, jobs with their last word, keys", () => {
    const size = { columns: 80, rows: 24 }
    assert.deepStrictEqual(
      shown(View.begin, size).map((line) => line.replace(/\d\d:\d\d:\d\d$/, "HH:MM:SS")),
      [
        "sluice top  /home/somebody/queue.db                                    HH:MM:SS",
        "3 running  9,997 waiting  41.2/s  1 scheduled  2 failed                1 worker",
        "! stuck network: no job started for 5 min 3 min ago",
        "  group        waiting  running    rate  10 minutes  wait p95    next hour",
        "  computation    9,997      3/3  41.2/s  ▂▂▃▄▅▅▆▇▇█     1.2 s  3,400–4,100",
        "  network            0   paused     0/s  ▁▁▁▁▁▁▁▁▁▁         –",
        "  worker     state  busy    cpu    memory     beat",
        "  host:4711  alive  3/20  140 %  236.4 MB  3 s ago",
        "  job          state      for  group        what",
        "▸ 00000000001  running    1 s  computation  gzip -k 1.log  40 % half",
        "  00000000002  running    2 s  computation  gzip -k 2.log",
        "  00000000003  running    3 s  computation  ffmpeg -i 日本語.mkv out.mp4",
        "  00000000004  pending    4 s  computation  gzip -k 4.log",
        "  00000000005  pending    5 s  network      gzip -k 5.log",
        "  00000000006  scheduled  6 s  computation  gzip -k 6.log  due in 5 min",
        "  00000000007  failed     7 s  computation  gzip -k 7.log  the command ended w…",
        "  and 9,995 more that were not read",
        "",
        "",
        "",
        "",
        "",
        "",
        "? help  q quit  ⏎ follow  ⇥ pane  c cancel  r retry  p pause  / filter  s sort"
      ]
    )
  })

  it("at 40 × 10: the essential", () => {
    assert.deepStrictEqual(shown(View.begin, { columns: 40, rows: 10 }), [
      "3 running  9,997 waiting       1 worker",
      "! stuck network: no job started for 5 …",
      "  computation    9,997      3/3  41.2/s",
      "  network            0   paused     0/s",
      "▸ running  1 s  gzip -k 1…  40 % half",
      "  running  2 s  gzip -k 2.log",
      "  running  3 s  ffmpeg -i 日本語.mkv o…",
      "  pending  4 s  gzip -k 4.log",
      "  pending  5 s  gzip -k 5.log",
      "? help  q quit  ⏎ follow  ⇥ pane"
    ])
  })

  it("fits every screen, whatever a store holds and whichever keys were pressed, and nothing in it acts on the terminal", () => {
    for (const seed of seeds(20)) {
      const random = new SeededRandom(seed)
      const size = { columns: 1 + random.below(130), rows: 1 + random.below(45) }
      const terminal = makeEmulatedScreen(size)
      terminal.send("\x1b[?1049h")
      let view: View.View = View.begin
      let moment = anySnapshot(random)
      let before: Frame.Frame | undefined
      for (let step = 0; step < 15; step++) {
        const lines = layout(moment, view, size)
        assert.strictEqual(lines.length, size.rows, `seed ${seed}`)
        const frame = Frame.frame(lines, size)
        Effect.runSync(terminal.screen.write(Frame.difference(before, frame, coloured)))
        before = frame
        assert.isAtMost(jobsInView(moment, view, size).length, size.rows)
        view = View.pressed(view, moment, random.pick(keys), size.rows).view
        if (random.chance(0.3)) {
          moment = anySnapshot(random)
          view = View.settled(view, moment)
        }
      }
    }
  })

  it("shares every row out and gives jobs what is left", () => {
    for (let rows = 1; rows < 60; rows++)
      for (const groups of [0, 1, 4, 50])
        for (const workers of [0, 1, 20])
          for (const alerts of [0, 1, 9])
            for (const pane of ["groups", "jobs", "workers"] as const) {
              const { titles, ...shares } = heights({ columns: 80, rows }, { groups, workers, alerts }, pane)
              const title = titles ? 1 : 0
              const above = (count: number) => (count === 0 ? 0 : count + title)
              const used =
                shares.header + shares.alerts + above(shares.groups) + above(shares.workers) + title + shares.jobs + 1
              assert.isAtMost(used, Math.max(rows, 1 + title), JSON.stringify({ rows, groups, workers, alerts, pane }))
              if (rows >= 10) assert.isAtLeast(shares.jobs, 3, JSON.stringify({ rows, groups, workers, alerts, pane }))
            }
  })

  it("keeps the chosen job in view, wherever it is in the list", () => {
    const jobs = Array.from({ length: 300 }, (_, i) => job(i + 1, "pending"))
    const moment = snapshot({ jobs })
    for (const row of [0, 1, 150, 298, 299]) {
      const view = { ...View.begin, chosen: { ...View.begin.chosen, jobs: { key: String(row + 1), row } } }
      for (const size of [
        { columns: 80, rows: 24 },
        { columns: 40, rows: 10 }
      ])
        assert.include(
          jobsInView(moment, view, size).map(({ id }) => Number(id)),
          row + 1
        )
    }
  })
})
