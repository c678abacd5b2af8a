/** Where a person stands in `sluice top`, and what each key does to that: all of it decided here, nothing done. */
import type { JobId, JobState } from "../../services/Queue/index.ts"
import { Job } from "../../services/Queue/index.ts"
import type { Key } from "../terminal/Keys.ts"
import type { Followed, ShownGroup, ShownJob, ShownWorker, Snapshot } from "./Snapshot.ts"

export type Pane = "groups" | "jobs" | "workers"
const panes: ReadonlyArray<Pane> = ["groups", "jobs", "workers"]

export const sorts = ["state", "longest", "newest", "group"] as const
export type Sort = (typeof sorts)[number]

/** A row is followed by its name, not by its place: lists move under a person's hands. */
export interface Chosen {
  /** Undefined until somebody moved: then it is whatever stands first. */
  readonly key: string | undefined
  /** Where it stood last: the place to stay at once it is gone. */
  readonly row: number
}

export interface View {
  readonly pane: Pane
  readonly chosen: Readonly<Record<Pane, Chosen>>
  readonly sort: Sort
  /** Jobs that hold this text anywhere in their line; empty: all. */
  readonly filter: string
  /** While a filter is being typed: what it was before. */
  readonly typing: { readonly before: string } | undefined
  /** The job that would be cancelled. */
  readonly asking: ShownJob | undefined
  /** The job whose lines are shown, how many of the newest are scrolled past, and how many there were. */
  readonly following: { readonly id: JobId; readonly past: number; readonly seen: number } | undefined
  readonly help: boolean
  /** What became of the last key. */
  readonly said: { readonly text: string; readonly bad: boolean } | undefined
}

export const begin: View = {
  pane: "jobs",
  chosen: {
    groups: { key: undefined, row: 0 },
    jobs: { key: undefined, row: 0 },
    workers: { key: undefined, row: 0 }
  },
  sort: "state",
  filter: "",
  typing: undefined,
  asking: undefined,
  following: undefined,
  help: false,
  said: undefined
}

/** What a key asks of the store or of the terminal. */
export type Intent =
  | { readonly _tag: "Quit" | "Interrupt" | "Suspend" | "Redraw" | "Read" }
  | { readonly _tag: "Cancel" | "Retry"; readonly id: JobId }
  | { readonly _tag: "Pause" | "Resume"; readonly group: string }

export interface Pressed {
  readonly view: View
  readonly intent: Intent | undefined
}

const order: Readonly<Record<JobState, number>> = {
  running: 0,
  pending: 1,
  scheduled: 2,
  failed: 3,
  cancelled: 4,
  completed: 5
}

const compare: Readonly<Record<Sort, (a: ShownJob, b: ShownJob) => number>> = {
  // As they were read: running, waiting, scheduled, failed.
  state: (a, b) => order[a.state] - order[b.state],
  longest: (a, b) => a.since - b.since,
  newest: (a, b) => b.since - a.since,
  group: (a, b) => (a.group === b.group ? order[a.state] - order[b.state] : a.group < b.group ? -1 : 1)
}

export const jobsOf = (
  snapshot: Snapshot,
  { filter, sort }: Pick<View, "filter" | "sort">
): ReadonlyArray<ShownJob> => {
  const wanted = filter.toLowerCase()
  const holds = (text: string) => text.toLowerCase().includes(wanted)
  return snapshot.jobs
    .filter(
      ({ group, id, said, state, what }) => wanted === "" || [Job.formatJobId(id), state, group, what, said].some(holds)
    )
    .sort(compare[sort])
}

type Row = { readonly groups: ShownGroup; readonly jobs: ShownJob; readonly workers: ShownWorker }

const keyOf: { readonly [P in Pane]: (row: Row[P]) => string } = {
  groups: ({ name }) => name,
  jobs: ({ id }) => String(id),
  workers: ({ session }) => String(session)
}

export const rowsOf = <P extends Pane>(snapshot: Snapshot, view: View, pane: P): ReadonlyArray<Row[P]> =>
  (pane === "groups"
    ? snapshot.groups
    : pane === "workers"
      ? snapshot.workers
      : jobsOf(snapshot, view)) as ReadonlyArray<Row[P]>

/** Which of the rows is chosen; 0 of none. */
export const chosenRow = <P extends Pane>(rows: ReadonlyArray<Row[P]>, pane: P, { key, row }: Chosen): number => {
  const found = key === undefined ? -1 : rows.findIndex((each) => keyOf[pane](each) === key)
  return found >= 0 ? found : Math.max(0, Math.min(row, rows.length - 1))
}

const chosenJob = (view: View, snapshot: Snapshot): ShownJob | undefined => {
  const rows = rowsOf(snapshot, view, "jobs")
  return rows[chosenRow(rows, "jobs", view.chosen.jobs)]
}

const chosenGroup = (view: View, snapshot: Snapshot): ShownGroup | undefined => {
  const name =
    view.pane === "jobs"
      ? chosenJob(view, snapshot)?.group
      : snapshot.groups[chosenRow(snapshot.groups, "groups", view.chosen.groups)]?.name
  return snapshot.groups.find((group) => group.name === name)
}

/** After a new look at the store: what is chosen stays, and its place is known anew. */
export const settled = (view: View, snapshot: Snapshot): View => {
  const place = <P extends Pane>(pane: P): Chosen => ({
    key: view.chosen[pane].key,
    row: chosenRow(rowsOf(snapshot, view, pane), pane, view.chosen[pane])
  })
  const { following } = view
  const followed = followedOf(view, snapshot)
  return {
    ...view,
    chosen: { groups: place("groups"), jobs: place("jobs"), workers: place("workers") },
    following:
      following === undefined || followed === undefined
        ? following
        : {
            id: following.id,
            // Who reads further up is not carried along by what is written meanwhile.
            past: following.past === 0 ? 0 : following.past + followed.total - following.seen,
            seen: followed.total
          }
  }
}

/** The followed job, once it has been read. */
export const followedOf = ({ following }: View, { followed }: Snapshot): Followed | undefined =>
  following !== undefined && followed?.job.id === following.id ? followed : undefined

const moved = (view: View, snapshot: Snapshot, by: number): View => {
  const { pane } = view
  const rows = rowsOf(snapshot, view, pane)
  if (rows.length === 0) return view
  const row = Math.max(0, Math.min(rows.length - 1, chosenRow(rows, pane, view.chosen[pane]) + by))
  const key = (keyOf[pane] as (row: Row[Pane]) => string)(rows[row]!)
  return { ...view, chosen: { ...view.chosen, [pane]: { key, row } } }
}

/** How far a key moves; `page`: lines of a screen. */
const stepOf = (key: Key, page: number): number | undefined => {
  if (key._tag === "Character") return key.character === "j" ? 1 : key.character === "k" ? -1 : undefined
  switch (key.name) {
    case "down":
      return 1
    case "up":
      return -1
    case "page down":
      return page
    case "page up":
      return -page
    case "home":
      return Number.NEGATIVE_INFINITY
    case "end":
      return Number.POSITIVE_INFINITY
    default:
      return undefined
  }
}

const say = (view: View, text: string, bad = false): View => ({ ...view, said: { text, bad } })

const only = (view: View): Pressed => ({ view, intent: undefined })

const typed = (view: View, key: Key): Pressed => {
  const typing = { before: view.typing!.before }
  if (key._tag === "Character") return only({ ...view, typing, filter: view.filter + key.character })
  switch (key.name) {
    case "enter":
      return { view: { ...view, typing: undefined }, intent: { _tag: "Read" } }
    case "escape":
      return { view: { ...view, typing: undefined, filter: typing.before }, intent: { _tag: "Read" } }
    case "backspace":
      return only({ ...view, filter: Array.from(view.filter).slice(0, -1).join("") })
    default:
      return only(view)
  }
}

const answered = (view: View, key: Key): Pressed => {
  const { id } = view.asking!
  const closed = { ...view, asking: undefined }
  return key._tag === "Character" && key.character.toLowerCase() === "y"
    ? { view: closed, intent: { _tag: "Cancel", id } }
    : only(say(closed, "not cancelled"))
}

const asked = (view: View, job: ShownJob | undefined): Pressed =>
  only(job === undefined ? say(view, "no job to cancel", true) : { ...view, asking: job })

const retried = (view: View, job: ShownJob | undefined): Pressed =>
  job === undefined ? only(say(view, "no job to try again", true)) : { view, intent: { _tag: "Retry", id: job.id } }

const paused = (view: View, snapshot: Snapshot): Pressed => {
  if (view.pane === "workers") return only(say(view, "p pauses a group: choose one, or a job of it", true))
  const group = chosenGroup(view, snapshot)
  return group === undefined
    ? only(say(view, "no group to pause", true))
    : { view, intent: { _tag: group.paused ? "Resume" : "Pause", group: group.name } }
}

const inFollowing = (view: View, snapshot: Snapshot, key: Key, page: number): Pressed => {
  const following = view.following!
  const step = stepOf(key, page)
  const followed = followedOf(view, snapshot)
  if (step !== undefined) {
    const most = Math.max(0, (followed?.lines.length ?? 0) - 1)
    return only({ ...view, following: { ...following, past: Math.max(0, Math.min(most, following.past - step)) } })
  }
  if (key._tag === "Named") {
    const leaves = key.name === "escape" || key.name === "left" || key.name === "backspace"
    return only(leaves ? { ...view, following: undefined } : view)
  }
  switch (key.character) {
    case "q":
    case "f":
      return only({ ...view, following: undefined })
    case "c":
      return asked(view, followed?.job)
    case "r":
      return { view, intent: { _tag: "Retry", id: following.id } }
    case "?":
      return only({ ...view, help: true })
    default:
      return only(view)
  }
}

const follow = (view: View, snapshot: Snapshot): Pressed => {
  const job = chosenJob(view, snapshot)
  if (view.pane !== "jobs") return only({ ...view, pane: "jobs" })
  if (job === undefined) return only(say(view, "no job to follow", true))
  // It stays the chosen one, wherever it moves to meanwhile.
  const chosen = { ...view.chosen, jobs: { key: String(job.id), row: view.chosen.jobs.row } }
  return { view: { ...view, chosen, following: { id: job.id, past: 0, seen: 0 } }, intent: { _tag: "Read" } }
}

const inLists = (view: View, snapshot: Snapshot, key: Key, page: number): Pressed => {
  const step = stepOf(key, page)
  if (step !== undefined) return only(moved(view, snapshot, step))
  if (key._tag === "Named") {
    switch (key.name) {
      case "tab":
      case "back tab": {
        const by = key.name === "tab" ? 1 : panes.length - 1
        return only({ ...view, pane: panes[(panes.indexOf(view.pane) + by) % panes.length]! })
      }
      case "enter":
      case "right":
        return follow(view, snapshot)
      case "escape":
        return view.filter === "" ? only(view) : { view: { ...view, filter: "" }, intent: { _tag: "Read" } }
      default:
        return only(view)
    }
  }
  switch (key.character) {
    case "q":
      return { view, intent: { _tag: "Quit" } }
    case "f":
      return follow(view, snapshot)
    case "c":
      return view.pane === "jobs"
        ? asked(view, chosenJob(view, snapshot))
        : only(say(view, "c cancels a job: Tab goes to the jobs", true))
    case "r":
      return view.pane === "jobs"
        ? retried(view, chosenJob(view, snapshot))
        : only(say(view, "r tries a job again: Tab goes to the jobs", true))
    case "p":
      return paused(view, snapshot)
    case "/":
      return only({ ...view, pane: "jobs", typing: { before: view.filter } })
    case "s": {
      const sort = sorts[(sorts.indexOf(view.sort) + 1) % sorts.length]!
      return only(say({ ...view, pane: "jobs", sort }, `jobs by ${sort}`))
    }
    case "?":
      return only({ ...view, help: true })
    default:
      return only(view)
  }
}

/** What a key does. Ctrl-C, Ctrl-Z and Ctrl-L do the same everywhere; what was said before goes with the next key. */
export const pressed = (old: View, snapshot: Snapshot, key: Key, page: number): Pressed => {
  const view: View = { ...old, said: undefined }
  if (key._tag === "Named") {
    if (key.name === "interrupt") return { view, intent: { _tag: "Interrupt" } }
    if (key.name === "suspend") return { view, intent: { _tag: "Suspend" } }
    if (key.name === "redraw") return { view, intent: { _tag: "Redraw" } }
  }
  if (view.asking !== undefined) return answered(view, key)
  if (view.typing !== undefined) return typed(view, key)
  if (view.help) return only({ ...view, help: false })
  return view.following === undefined ? inLists(view, snapshot, key, page) : inFollowing(view, snapshot, key, page)
}
