/**
 * How a `sluice` command ends. Scripts and CI branch on these numbers, so they never change their meaning.
 * `sluice run` is the one exception: when its command ran, the command's own code is passed on unchanged.
 */
export const ExitCode = {
  ok: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  notAllowed: 4,
  unreachable: 5,
  conflict: 6,
  timedOut: 7,
  cancelled: 8,
  outputLost: 9,
  hungUp: 129,
  interrupted: 130,
  terminated: 143
} as const

/** The name of an ending; code decides by name and only the process boundary turns it into a number. */
export type ExitName = keyof typeof ExitCode

/** One of the documented numbers. */
export type ExitCode = (typeof ExitCode)[ExitName]

/** One row of the documented table, as `--help` and the guides print it. */
export interface ExitMeaning {
  readonly name: ExitName
  readonly code: ExitCode
  readonly meaning: string
}

const meanings: { readonly [Name in ExitName]: string } = {
  ok: "done",
  failure: "something failed, also when the awaited job did",
  usage: "the command line was not understood",
  notFound: "no such job, task, group, schedule or file",
  notAllowed: "not allowed to do this",
  unreachable: "the store or server could not be reached",
  conflict: "in conflict with the current state; nothing was changed",
  timedOut: "timed out",
  cancelled: "the awaited job was cancelled",
  outputLost: "output could not be written: a full disk, a closed terminal",
  hungUp: "ended since its terminal was closed (SIGHUP)",
  interrupted: "ended by Ctrl-C (SIGINT)",
  terminated: "ended by SIGTERM"
}

/** Every exit code with its meaning, in ascending order of the code. */
export const exitMeanings: ReadonlyArray<ExitMeaning> = (Object.keys(ExitCode) as Array<ExitName>)
  .map((name) => ({ name, code: ExitCode[name], meaning: meanings[name] }))
  .sort((a, b) => a.code - b.code)
