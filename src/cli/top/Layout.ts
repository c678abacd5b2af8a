/**
 * What `sluice top` shows on a screen of some size: each pane's lines, the essential first where there are few. Pure.
 */
import { Job } from "../../services/Queue/index.ts"
import * as DisplayWidth from "../terminal/DisplayWidth.ts"
import { type Line, line, type Piece, piece, type Size, widthOf } from "../terminal/Frame.ts"
import { graphemes } from "../terminal/Graphemes.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import { relativeTime } from "../terminal/RelativeTime.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import { sparkline } from "../terminal/Sparkline.ts"
import { laid, type Table } from "./Columns.ts"
import type { ShownAlert, ShownGroup, ShownJob, ShownWorker, Snapshot } from "./Snapshot.ts"
import { chosenRow, followedOf, type Pane, rowsOf, type View } from "./View.ts"

/** Below it: one line of totals, no headers of tables. */
const roomyRows = 14
/** From here on workers have a pane of their own beside the others. */
const amplyRows = 20

const blank = line()

export interface Heights {
  readonly header: number
  readonly alerts: number
  /** Rows of each pane, its header not counted; 0: not shown. */
  readonly groups: number
  readonly workers: number
  readonly jobs: number
  readonly titles: boolean
}

/** How the rows of the screen are shared out. The footer has one. */
export const heights = (
  { rows }: Size,
  has: { readonly groups: number; readonly workers: number; readonly alerts: number },
  pane: Pane
): Heights => {
  const titles = rows >= roomyRows
  const title = titles ? 1 : 0
  const header = rows >= roomyRows ? 2 : rows >= 3 ? 1 : 0
  const alerts = Math.min(has.alerts, rows >= amplyRows ? 3 : rows >= 8 ? 1 : 0)
  const body = Math.max(0, rows - header - 1 - alerts)
  const most = (part: number, least: number) => (rows < 6 ? 0 : Math.max(least, Math.floor(body * part)))
  const paneOf = (count: number, room: number) => (room === 0 ? 0 : Math.min(count, room))
  // On a small screen the workers stand where the groups are while somebody looks at them.
  const onlyWorkers = rows < amplyRows && pane === "workers"
  const groups = onlyWorkers ? 0 : paneOf(has.groups, most(0.3, 2))
  const workers =
    rows >= amplyRows ? paneOf(has.workers, most(0.15, 2)) : onlyWorkers ? paneOf(has.workers, most(0.3, 2)) : 0
  const above = (count: number) => (count === 0 ? 0 : count + title)
  return { header, alerts, groups, workers, titles, jobs: Math.max(0, body - above(groups) - above(workers) - title) }
}

const heightsOf = (snapshot: Snapshot, view: View, size: Size): Heights =>
  heights(
    size,
    { groups: snapshot.groups.length, workers: snapshot.workers.length, alerts: snapshot.alerts.length },
    view.pane
  )

/** The part of a list that is in view: the chosen row in its middle, but at the ends. */
const windowed = <A>(rows: ReadonlyArray<A>, chosen: number, height: number) => {
  const start = Math.max(0, Math.min(chosen - Math.floor(height / 2), rows.length - height))
  return { start, rows: rows.slice(start, start + height) }
}

const paneLines = <P extends Pane>(
  pane: P,
  table: Table<ReturnType<typeof rowsOf<P>>[number]>,
  options: {
    readonly snapshot: Snapshot
    readonly view: View
    readonly size: Size
    readonly height: number
    readonly title: boolean
  }
): ReadonlyArray<Line> => {
  const { height, size, snapshot, title, view } = options
  if (height === 0) return []
  const all = rowsOf(snapshot, view, pane)
  const row = chosenRow(all, pane, view.chosen[pane])
  const { rows, start } = windowed(all, row, height)
  const { header, lines } = laid(table, rows, { width: widthOf(size), chosen: view.pane === pane ? row - start : -1 })
  return title ? [header, ...lines] : lines
}

const millis = (value: number | undefined): string => HumanNumber.duration(value ?? Number.NaN)

/** In whole seconds: a digit that changes with each look says nothing. */
const ageText = (since: number, now: number): string =>
  HumanNumber.duration(Math.floor(Math.max(0, now - since) / 1000) * 1000)

const rough = (n: number): string => HumanNumber.count(Math.round(n))

const groupTable: Table<ShownGroup> = {
  columns: [
    { header: "group", text: ({ name }) => name, tone: () => "bold", most: 14, rank: 0 },
    { header: "waiting", text: ({ waiting }) => HumanNumber.count(waiting), align: "right", rank: 0 },
    {
      header: "running",
      text: ({ limit, paused, running }) =>
        paused
          ? running === 0
            ? "paused"
            : `${running}, paused`
          : `${HumanNumber.count(running)}/${HumanNumber.count(limit)}`,
      tone: ({ paused }) => (paused ? "warning" : "plain"),
      align: "right",
      rank: 0
    },
    { header: "rate", text: ({ perSecond }) => HumanNumber.rate(perSecond), align: "right", rank: 1 },
    {
      header: "10 minutes",
      text: ({ byMinute }) => sparkline(byMinute, byMinute.length, 0),
      tone: () => "good",
      rank: 3
    },
    { header: "wait p95", text: ({ waitP95 }) => millis(waitP95), align: "right", rank: 2 },
    {
      header: "next hour",
      text: ({ nextHour }) => (nextHour === undefined ? "" : `${rough(nextHour.p05)}–${rough(nextHour.p95)}`),
      tone: () => "accent",
      align: "right",
      rank: 4
    },
    {
      header: "failed",
      text: ({ failed }) => HumanNumber.count(failed),
      tone: ({ failed }) => (failed > 0 ? "bad" : "plain"),
      align: "right",
      rank: 5
    }
  ]
}

const workerTable = (now: number): Table<ShownWorker> => ({
  columns: [
    { header: "worker", text: ({ name }) => name, tone: () => "bold", most: 24, rank: 0 },
    {
      header: "state",
      text: ({ state }) => state,
      tone: ({ state }) => (state === "alive" ? "good" : state === "gone" || state === "expired" ? "bad" : "warning"),
      rank: 0
    },
    {
      header: "busy",
      text: ({ busy, heldBy, slots }) => [`${busy}/${slots}`, ...heldBy].join(" "),
      tone: ({ heldBy }) => (heldBy.length === 0 ? "plain" : "warning"),
      align: "right",
      rank: 0
    },
    {
      header: "cpu",
      text: ({ cpu }) => (cpu === undefined ? HumanNumber.unknown : HumanNumber.percent(cpu)),
      align: "right",
      rank: 2
    },
    {
      header: "memory",
      text: ({ rssBytes }) => (rssBytes === undefined ? HumanNumber.unknown : HumanNumber.bytes(rssBytes)),
      align: "right",
      rank: 3
    },
    { header: "beat", text: ({ lastBeat }) => relativeTime(lastBeat, now), align: "right", rank: 4 }
  ]
})

/** What a job does and what it said last share the rest of its line. */
const whatAndSaid = ({ said, state, what }: ShownJob, width: number): ReadonlyArray<Piece> => {
  if (said === "") return [piece(what)]
  const shown = Sanitize.fitted(what, Math.max(8, Math.floor(width * 0.45)))
  return [piece(`${shown}  `), piece(said, state === "failed" ? "bad" : state === "scheduled" ? "dim" : "accent")]
}

const jobTable = (now: number): Table<ShownJob> => ({
  columns: [
    { header: "job", text: ({ id }) => Job.formatJobId(id), tone: () => "dim", rank: 2 },
    { header: "state", text: ({ state }) => state, tone: ({ state }) => state, rank: 0 },
    { header: "for", text: ({ since }) => ageText(since, now), align: "right", rank: 1 },
    { header: "group", text: ({ group }) => group, most: 12, rank: 3 }
  ],
  last: { header: "what", pieces: whatAndSaid, least: 16 }
})

/** `left` and, where there is room for it, `right` at the end of the line. */
const withEnd = (left: ReadonlyArray<Piece>, right: ReadonlyArray<Piece>, size: Size): Line => {
  const cells = (pieces: ReadonlyArray<Piece>) =>
    pieces.reduce((sum, { text }) => sum + DisplayWidth.cells(Sanitize.line(text)), 0)
  const room = widthOf(size) - cells(left) - cells(right)
  return room < 1 ? line(...left) : line(...left, piece(" ".repeat(room)), ...right)
}

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" })

const workersText = ({ workers }: Snapshot): Piece => {
  const alive = workers.filter(({ state }) => state === "alive" || state === "draining").length
  return alive === 0 ? piece("no worker", "bad") : piece(`${alive} ${alive === 1 ? "worker" : "workers"}`, "good")
}

const gap = "  "

/** Pieces two cells apart: as many as fit, the first ones first. */
const inTurn = (pieces: ReadonlyArray<Piece>, width: number): ReadonlyArray<Piece> => {
  const kept: Array<Piece> = []
  let used = 0
  for (const each of pieces) {
    const apart = kept.length === 0 ? 0 : gap.length
    used += apart + DisplayWidth.cells(each.text)
    if (used > width) break
    kept.push(...(apart === 0 ? [] : [piece(gap)]), each)
  }
  return kept
}

const totals = (snapshot: Snapshot): ReadonlyArray<Piece> => {
  const { counts, groups, paused } = snapshot
  const counted = (n: number, word: string, tone: Piece["tone"]) =>
    piece(`${HumanNumber.count(n)} ${word}`, n > 0 ? tone : "plain")
  return [
    ...(paused ? [piece("paused", "warning")] : []),
    counted(counts.running, "running", "running"),
    counted(counts.pending, "waiting", "pending"),
    piece(HumanNumber.rate(groups.reduce((sum, { perSecond }) => sum + perSecond, 0)), "bold"),
    ...(counts.scheduled > 0 ? [counted(counts.scheduled, "scheduled", "scheduled")] : []),
    ...(counts.failed > 0 ? [counted(counts.failed, "failed", "failed")] : [])
  ]
}

const headerLines = (snapshot: Snapshot, height: number, size: Size): ReadonlyArray<Line> => {
  if (height === 0) return []
  const workers = workersText(snapshot)
  const room = widthOf(size) - gap.length - workers.text.length
  const counts = withEnd(inTurn(totals(snapshot), room), [workers], size)
  if (height === 1) return [counts]
  const time = clock.format(snapshot.at)
  const name = "sluice top  "
  const store = Sanitize.fitted(snapshot.store, Math.max(0, widthOf(size) - name.length - time.length - 2))
  return [withEnd([piece(name, "bold"), piece(store, "dim")], [piece(time)], size), counts]
}

const alertLine =
  (now: number) =>
  ({ about, critical, rule, since, text }: ShownAlert): Line =>
    line(
      piece(critical ? "! " : "· ", critical ? "bad" : "warning"),
      piece(rule, critical ? "bad" : "warning"),
      piece(` ${about}: ${text} `),
      piece(relativeTime(since, now), "dim")
    )

const keys: ReadonlyArray<readonly [key: string, does: string]> = [
  ["?", "help"],
  ["q", "quit"],
  ["⏎", "follow"],
  ["⇥", "pane"],
  ["c", "cancel"],
  ["r", "retry"],
  ["p", "pause"],
  ["/", "filter"],
  ["s", "sort"]
]
const keysOfFollowing: typeof keys = [
  ["q", "back"],
  ["↑↓", "scroll"],
  ["c", "cancel"],
  ["r", "retry"]
]

const keysLine = (shown: typeof keys, lead: ReadonlyArray<Piece>, size: Size): Line => {
  const used = lead.reduce((sum, { text }) => sum + DisplayWidth.cells(text) + gap.length, 0)
  const words = inTurn(
    shown.map(([key, does]) => piece(`${key} ${does}`)),
    widthOf(size) - used
  )
  return line(
    ...lead.flatMap((each) => [each, piece(gap)]),
    ...words.flatMap(({ text }) => {
      const end = text.indexOf(" ")
      return text === gap ? [piece(gap)] : [piece(text.slice(0, end), "bold"), piece(text.slice(end), "dim")]
    })
  )
}

const footer = (view: View, size: Size): Line => {
  const { asking, filter, following, help, said, typing } = view
  if (asking !== undefined)
    return line(piece(`cancel ${Job.formatJobId(asking.id)}? y or n  `, "warning"), piece(asking.what))
  if (typing !== undefined)
    return line(piece("/", "bold"), piece(filter), piece("▏", "bold"), piece("  Enter keeps it, Esc undoes it", "dim"))
  if (said !== undefined) return line(piece(said.text, said.bad ? "bad" : "good"))
  if (help) return line(piece("any key goes back", "dim"))
  if (following !== undefined) {
    const below = following.past === 0 ? [] : [piece(`${HumanNumber.count(following.past)} more below`, "warning")]
    return keysLine(keysOfFollowing, below, size)
  }
  return keysLine(keys, filter === "" ? [] : [piece(`/${Sanitize.fitted(filter, 20)}`, "warning")], size)
}

const helpLines: ReadonlyArray<Line> = (
  [
    ["↑ ↓ j k", "move, PgUp PgDn Home End too"],
    ["Tab", "groups, jobs, workers"],
    ["Enter f →", "follow a job; q goes back"],
    ["c", "cancel the job, once you say y"],
    ["r", "try a failed job again"],
    ["p", "pause or resume the group"],
    ["/", "jobs that hold a text; Esc: all"],
    ["s", "order: state, longest, newest, group"],
    ["q Ctrl-C", "quit; jobs go on"],
    ["Ctrl-Z", "to the shell; fg comes back"],
    ["Ctrl-L", "draw the screen anew"]
  ] as const
).map(([key, does]) => line(piece(key.padEnd(10), "bold"), piece(does)))

/** A line of a job's output on as many lines as it needs, at most a screen of them. */
const wrapped = (text: string, width: number, rows: number): ReadonlyArray<string> => {
  const safe = Sanitize.fitted(text.replaceAll("\t", "    "), width * rows)
  if (DisplayWidth.cells(safe) <= width) return [safe]
  const lines: Array<string> = []
  let current = ""
  let used = 0
  for (const segment of graphemes(safe)) {
    const cells = DisplayWidth.cells(segment)
    if (used + cells > width && current !== "") {
      lines.push(current)
      current = ""
      used = 0
    }
    current += segment
    used += cells
  }
  return [...lines, current]
}

const followedLines = (snapshot: Snapshot, view: View, size: Size): ReadonlyArray<Line> => {
  const followed = followedOf(view, snapshot)
  if (followed === undefined) return [line(piece("looking …", "dim"))]
  const { job, lines } = followed
  const head = line(
    piece(Job.formatJobId(job.id), "bold"),
    piece("  "),
    piece(job.state, job.state),
    piece(` for ${ageText(job.since, snapshot.at)}  `, "dim"),
    piece(`${job.group}  `, "dim"),
    piece(job.what)
  )
  const room = Math.max(0, size.rows - 2)
  const body: Array<Line> = []
  for (let i = lines.length - 1 - view.following!.past; i >= 0 && body.length < room; i--) {
    body.unshift(...wrapped(lines[i]!, widthOf(size), room).map((text) => line(piece(text))))
  }
  const nothing = job.said === "" ? "it has written nothing yet" : job.said
  return [head, ...(lines.length === 0 ? [line(piece(nothing, "dim"))] : body.slice(-room))]
}

const listLines = (snapshot: Snapshot, view: View, size: Size): ReadonlyArray<Line> => {
  const { alerts, groups, header, jobs, titles, workers } = heightsOf(snapshot, view, size)
  const options = { snapshot, view, size, title: titles }
  const jobLines = paneLines("jobs", jobTable(snapshot.at), { ...options, height: jobs })
  const shownJobs = rowsOf(snapshot, view, "jobs").length
  const beyond =
    shownJobs < jobs && jobs > 0
      ? shownJobs === 0 && snapshot.unread === 0
        ? [
            line(
              piece(view.filter === "" ? "  no job is waiting, running or failed" : "  no job holds this text", "dim")
            )
          ]
        : snapshot.unread > 0
          ? [line(piece(`  and ${HumanNumber.count(snapshot.unread)} more that were not read`, "dim"))]
          : []
      : []
  return [
    ...headerLines(snapshot, header, size),
    ...snapshot.alerts.slice(0, alerts).map(alertLine(snapshot.at)),
    ...paneLines("groups", groupTable, { ...options, height: groups }),
    ...paneLines("workers", workerTable(snapshot.at), { ...options, height: workers }),
    ...jobLines,
    ...beyond
  ]
}

/** The jobs that are in view, first to last. */
export const jobsInView = (snapshot: Snapshot, view: View, size: Size): ReadonlyArray<ShownJob> => {
  const all = rowsOf(snapshot, view, "jobs")
  return windowed(all, chosenRow(all, "jobs", view.chosen.jobs), heightsOf(snapshot, view, size).jobs).rows
}

/** Every line of the screen, the footer last. */
export const layout = (snapshot: Snapshot, view: View, size: Size): ReadonlyArray<Line> => {
  const above = view.help
    ? helpLines
    : view.following === undefined
      ? listLines(snapshot, view, size)
      : followedLines(snapshot, view, size)
  const room = Math.max(0, size.rows - 1)
  return [
    ...above.slice(0, room),
    ...Array.from({ length: Math.max(0, room - above.length) }, () => blank),
    footer(view, size)
  ]
}
