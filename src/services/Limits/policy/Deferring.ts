/**
 * When a deferrable job becomes due: where the load of its group is lowest before its deadline, and never later than it
 * can still be done in time.
 *
 * **In time.** A step is taken only if, with the load at the upper end of its forecast and all that is scheduled, no
 * queue is left at its end, and a run as long as the longest begun there ends before the deadline. What is placed fills
 * no more than the slots that are free then, so it makes no queue for what was placed before. Where no step is like
 * that, and where nothing is known, the job starts at once: nothing is late that would not be late then.
 *
 * **Level.** The jobs fill the lowest steps up to one height, as water would, each step in proportion to its room below
 * it. What is scheduled already counts as load, so jobs that come one by one do not meet in one step. Producers that do
 * not know of each other meet in a trough that is taken to be wider than one job needs: see `shareTaken`.
 */

/** What a group expects of the coming time, in steps from now on. */
export interface LoadOutlook {
  /** Start of the first step, in milliseconds since 1970. */
  readonly from: number
  readonly stepMs: number
  /** Slots that are busy in each step: expected, and at the upper end; without what is scheduled. */
  readonly busy: ReadonlyArray<number>
  readonly busyAtMost: ReadonlyArray<number>
  /** Slots that jobs take which are scheduled for a step. */
  readonly scheduled: ReadonlyArray<number>
  /** Slots there are; 0 while the group claims nothing. */
  readonly slots: ReadonlyArray<number>
  /** Milliseconds of slots that wait at the start. */
  readonly backlogMs: number
}

export interface Deferral {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly deadline: number
  /** Milliseconds of a run: what to expect, and the longest to count with. */
  readonly run: { readonly meanMs: number; readonly mostMs: number }
  /** Jobs that are placed together. */
  readonly jobs: number
  /** From 0 to 1: where the first of them stands in its share of the room. */
  readonly phase: number
}

/** An outlook whose first step lies so many steps back tells nothing of now. */
export const staleSteps = 4

/**
 * The part of the work expected in the time that a job may be placed in for which room is looked for, if it needs less
 * itself. A fiftieth, half an hour's work of a day: it takes the lowest hours rather than the lowest minutes, which
 * forecasts do not know and in which all would meet that read the same outlook.
 */
const shareTaken = 0.02
/** Halvings of the height: to a millionth of the greatest load. */
const halvings = 20

/** A step that a job may be placed in. */
interface Place {
  readonly from: number
  readonly to: number
  /** The greatest load, in slots, that a run begun in it meets. */
  readonly load: number
  /** Slots that it may fill. */
  readonly free: number
}

/** Milliseconds of slots at the end of each step, when all comes that may: above 0 a queue, below 0 what was free. */
const restsOf = ({ backlogMs, busyAtMost, scheduled, slots, stepMs }: LoadOutlook): ReadonlyArray<number> => {
  let queue = backlogMs
  return slots.map((there, i) => {
    const rest = queue + (busyAtMost[i]! + scheduled[i]! - there) * stepMs
    queue = Math.max(0, rest)
    return rest
  })
}

const placesIn = (outlook: LoadOutlook, { deadline, now, run }: Deferral): ReadonlyArray<Place> => {
  const { busy, from, scheduled, slots, stepMs } = outlook
  const rests = restsOf(outlook)
  const runSteps = Math.max(1, Math.ceil(run.meanMs / stepMs))
  const places: Array<Place> = []
  for (let i = Math.max(0, Math.floor((now - from) / stepMs)); i < busy.length; i++) {
    const to = from + (i + 1) * stepMs
    if (to + run.mostMs > deadline) break
    if (!(slots[i]! > 0 && rests[i]! < 0)) continue
    let load = 0
    let least = Number.POSITIVE_INFINITY
    // What runs goes on while the group claims nothing.
    for (let j = i; j < Math.min(busy.length, i + runSteps); j++) {
      load = Math.max(load, busy[j]! + scheduled[j]!)
      if (slots[j]! > 0) least = Math.min(least, Math.max(0, -rests[j]!))
    }
    places.push({ from: Math.max(now, from + i * stepMs), to, load, free: least / stepMs })
  }
  return places
}

/** Milliseconds of slots below a height. */
const roomIn = ({ free, from, load, to }: Place, height: number): number =>
  Math.max(0, Math.min(height - load, free)) * (to - from)

const widthOf = ({ from, to }: Place) => to - from
const sumOf = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0)

/** The places with room below the height at which so much fits, or all there is. */
const filled = (places: ReadonlyArray<Place>, work: number): ReadonlyArray<Place & { readonly room: number }> => {
  let low = Math.min(...places.map(({ load }) => load))
  // There any of them could take all of it, if it has the slots.
  let high = Math.max(...places.map((place) => place.load + work / widthOf(place)))
  for (let i = 0; i < halvings; i++) {
    const middle = (low + high) / 2
    if (sumOf(places.map((place) => roomIn(place, middle))) >= work) high = middle
    else low = middle
  }
  return places.map((place) => ({ ...place, room: roomIn(place, high) })).filter(({ room }) => room > 0)
}

/**
 * When each of the jobs becomes due, in order, in milliseconds since 1970; undefined: at once. A few microseconds for a
 * day of quarter hours, and one for each job.
 */
export const placesOf = (outlook: LoadOutlook, deferral: Deferral): ReadonlyArray<number> | undefined => {
  const { jobs, now, phase, run } = deferral
  if (now < outlook.from || now >= outlook.from + staleSteps * outlook.stepMs) return undefined
  const inTime = placesIn(outlook, deferral)
  if (inTime.length === 0) return undefined
  const own = Math.max(1, jobs * run.meanMs)
  const expected = sumOf(inTime.map((place) => place.load * widthOf(place)))
  const places = filled(inTime, Math.max(own, shareTaken * expected))
  const room = sumOf(places.map((place) => place.room))
  if (room < own) return undefined
  const dues: Array<number> = []
  let place = 0
  let before = 0
  for (let i = 0; i < jobs; i++) {
    const wanted = ((i + phase) / jobs) * room
    while (place < places.length - 1 && before + places[place]!.room <= wanted) before += places[place++]!.room
    const { from, room: wide, to } = places[place]!
    dues.push(Math.min(to - 1, Math.floor(from + (to - from) * Math.min(1, (wanted - before) / wide))))
  }
  return dues
}

/**
 * The outlook with jobs of such a mean run scheduled for these times. A run counts from the start of its step on, as
 * work that comes in it.
 */
export const withScheduled = (outlook: LoadOutlook, dues: ReadonlyArray<number>, meanMs: number): LoadOutlook => {
  const { from, stepMs } = outlook
  const scheduled = outlook.scheduled.slice()
  for (const due of dues) addRun(scheduled, Math.floor((due - from) / stepMs), meanMs / stepMs)
  return { ...outlook, scheduled }
}

/** Adds a run to the slots of the steps it lies in; `start` and `length` in steps. */
export const addRun = (slots: Array<number>, start: number, length: number, runs = 1): void => {
  for (let i = Math.floor(start), left = length; left > 0 && i < slots.length; i++) {
    const part = Math.min(left, i + 1 - Math.max(i, start))
    if (i >= 0) slots[i]! += part * runs
    left -= part
  }
}

/** A job that was put off. */
export interface PutOff {
  readonly due: number
  readonly deadline: number
  readonly run: Deferral["run"]
}

/**
 * Which of the jobs that were put off start now after all: those that may be late by today's outlook, and, while less
 * is busy than was expected and slots are idle, those wanted soonest, as many as fill that within `withinMs`. `busy`:
 * slots that run or are waited for now.
 */
export const startsNow = <Job extends PutOff>(
  outlook: LoadOutlook,
  { busy, now, withinMs }: { readonly busy: number; readonly now: number; readonly withinMs: number },
  jobs: ReadonlyArray<Job>
): ReadonlyArray<Job> => {
  const { from, scheduled, slots, stepMs } = outlook
  const rests = restsOf(outlook)
  /** When what is there at a time has been begun, at the latest. Beyond the outlook nothing speaks against a time. */
  const begunBy = (due: number): number => {
    const step = Math.floor((due - from) / stepMs)
    if (step >= rests.length || (rests[step]! <= 0 && (step <= 0 || rests[step - 1]! <= 0))) return due
    const begun = rests.findIndex((rest, i) => i >= step && rest <= 0)
    return begun < 0 ? Number.POSITIVE_INFINITY : from + (begun + 1) * stepMs
  }
  const waiting = jobs.filter(({ due }) => due > now).sort((a, b) => a.deadline - b.deadline)
  let idle = Math.min(slots[0] ?? 0, (outlook.busy[0] ?? 0) + (scheduled[0] ?? 0)) - busy
  return waiting.filter(({ deadline, due, run }) => {
    if (begunBy(due) + run.mostMs > deadline) return true
    const taken = Math.min(1, run.meanMs / withinMs)
    if (idle < taken) return false
    idle -= taken
    return true
  })
}
