/**
 * Which group a task belongs in by what its attempts were seen to do: compute, wait for the disk, wait for others, or
 * hold much memory.
 *
 * Evidence comes in rounds of at least twenty measured attempts. A task is placed when two rounds in a row agree, and
 * placed anew no sooner than ten minutes later; and what keeps it where it is is wider than what brings it there (a
 * Schmitt trigger), so that one between two groups stays in the first. With it a task moves at most six times an hour,
 * and one that does not change moves once.
 */
import { Schema } from "effect"

/** The groups a task can be placed in: those every store has. */
export const fits = ["computation", "filesystem", "network", "memory-intensive"] as const
export type Fit = (typeof fits)[number]

/** Sums over measured attempts. */
export const Evidence = Schema.Struct({
  attempts: Schema.Finite,
  runMs: Schema.Finite,
  /** Milliseconds their thread computed for them. */
  cpuMs: Schema.Finite,
  /** Milliseconds in which their thread had nothing to do meanwhile: they waited. What others held it says neither. */
  waitMs: Schema.Finite,
  /** Of these, with a request of theirs to the file system under way. */
  diskMs: Schema.Finite,
  /** Bytes an attempt takes, as a quarter of them reach, times attempts. */
  bytes: Schema.Finite
})
export type Evidence = typeof Evidence.Type

/** What is known of a task, as it is kept in the store for all processes. */
export const Placement = Schema.Struct({
  task: Schema.String,
  /** The group its definition names; null: it names none. */
  declared: Schema.NullOr(Schema.String),
  /** What the evidence says; null until it is enough. */
  fit: Schema.NullOr(Schema.Literals(fits)),
  /** What the last round said, and how many in a row said so. */
  seen: Schema.NullOr(Schema.Literals(fits)),
  rounds: Schema.Finite,
  /** When `fit` changed, in milliseconds since 1970, and how often it has. */
  movedAt: Schema.Finite,
  moves: Schema.Finite,
  /** No worker that has its handler serves the group it fits in: its jobs go where the definition says. */
  held: Schema.Boolean,
  /** Whether its handler can run in a thread. */
  threads: Schema.Boolean,
  /** Rounds added up, each half of what it was with every later one. */
  evidence: Evidence
})
export type Placement = typeof Placement.Type

/** Fewer attempts are no round. */
export const roundAttempts = 20
const agreeingRounds = 2
const stayMs = 10 * 60_000
/**
 * Bytes of an attempt that make it heavy, and below which it no longer is: two of the larger at a time are a burden for
 * a small container.
 */
const heavyBytes = 64 * 1024 ** 2
const lightBytes = heavyBytes / 2
/** The part of its own time in which a task computes, to be called computing, and to be called so still. */
const computing = 0.5
const stillComputing = 0.3
/** The part of its waiting that is for the disk, likewise. */
const diskBound = 0.5
const stillDiskBound = 0.3
/** Waiting of less than this per attempt has nothing to overlap with. */
const shortWaitMs = 1

const none: Evidence = { attempts: 0, runMs: 0, cpuMs: 0, waitMs: 0, diskMs: 0, bytes: 0 }

const added = (a: Evidence, b: Evidence, part: number): Evidence => ({
  attempts: a.attempts * part + b.attempts,
  runMs: a.runMs * part + b.runMs,
  cpuMs: a.cpuMs * part + b.cpuMs,
  waitMs: a.waitMs * part + b.waitMs,
  diskMs: a.diskMs * part + b.diskMs,
  bytes: a.bytes * part + b.bytes
})

/** The part of its own time, waiting included, in which it computes. */
export const computingShare = ({ cpuMs, waitMs }: Evidence): number =>
  cpuMs + waitMs === 0 ? 1 : cpuMs / (cpuMs + waitMs)

/** The part of its waiting that is for the disk. */
export const diskShare = ({ diskMs, waitMs }: Evidence): number => (waitMs === 0 ? 0 : Math.min(1, diskMs / waitMs))

export const bytesEach = ({ attempts, bytes }: Evidence): number => (attempts === 0 ? 0 : bytes / attempts)

/** Where a task with this evidence belongs, given where it is. */
export const fitOf = (evidence: Evidence, now: Fit | null): Fit => {
  if (bytesEach(evidence) >= (now === "memory-intensive" ? lightBytes : heavyBytes)) return "memory-intensive"
  const hardlyWaits = evidence.waitMs < shortWaitMs * evidence.attempts
  if (hardlyWaits || computingShare(evidence) >= (now === "computation" ? stillComputing : computing))
    return "computation"
  return diskShare(evidence) >= (now === "filesystem" ? stillDiskBound : diskBound) ? "filesystem" : "network"
}

/** Of a task nothing is known of yet. */
export const unknown = (task: string, declared: string | null, threads: boolean): Placement => ({
  task,
  declared,
  fit: null,
  seen: null,
  rounds: 0,
  movedAt: 0,
  moves: 0,
  held: false,
  threads,
  evidence: none
})

/** A round of evidence is in. `now` in milliseconds since 1970. */
export const learned = (before: Placement, round: Evidence, now: number): Placement => {
  const evidence = added(before.evidence, round, 0.5)
  const seen = fitOf(round, before.fit)
  const rounds = seen === before.seen ? before.rounds + 1 : 1
  const known = { ...before, evidence, seen, rounds }
  const isSure = rounds >= agreeingRounds && (before.fit === null || now - before.movedAt >= stayMs)
  if (seen === before.fit || !isSure) return known
  return { ...known, fit: seen, movedAt: now, moves: before.moves + 1 }
}

/** The group new jobs go to that name none; undefined: the definition's. */
export const groupOf = (placement: Placement | undefined): Fit | undefined =>
  placement === undefined || placement.declared !== null || placement.held ? undefined : (placement.fit ?? undefined)

const percent = (share: number) => `${Math.round(share * 100)} %`

/** The figures a placement rests on, as a sentence. */
export const because = ({ evidence }: Placement): string => {
  const each = evidence.attempts === 0 ? 0 : evidence.runMs / evidence.attempts
  const mebibytes = bytesEach(evidence) / 1024 ** 2
  return (
    `of ${each < 10 ? each.toFixed(1) : Math.round(each)} ms it computes ${percent(computingShare(evidence))}` +
    `, ${percent(diskShare(evidence))} of its waiting is for files, ${mebibytes < 1 ? "under 1" : Math.round(mebibytes)} MiB each`
  )
}

/** What a person could change, and why; undefined: nothing. A declared group is never overridden. */
export const advice = (placement: Placement): string | undefined => {
  const { declared, fit, threads } = placement
  if (fit === null) return undefined
  if (fit === "computation" && computingShare(placement.evidence) >= computing && !threads && holdsLong(placement))
    return "it holds the event loop: export its handler from a module and use toThreadLayer"
  const known: ReadonlyArray<string> = fits
  if (declared === null || declared === fit || !known.includes(declared)) return undefined
  return `it declares group ${declared} and behaves like ${fit}: declare that, or leave the group out`
}

/** Long enough on the event loop, in milliseconds, that others notice: a frame of an animation. */
const noticeableMs = 16

const holdsLong = ({ evidence }: Placement): boolean =>
  evidence.attempts > 0 && evidence.cpuMs / evidence.attempts >= noticeableMs
